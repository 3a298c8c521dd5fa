// Texts pair with pictures one to one, or all with one picture.
#include "blip2/tasks/input_texts.h"

#include <gmock/gmock.h>

#include "tests/support/errors.h"

namespace blip2 {
namespace {
using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Pictures of a batch, by their places among the inputs.
std::vector<Picture> batch_of(const std::vector<size_t>& inputs) {
  std::vector<Picture> batch;
  for (const size_t input : inputs) batch.push_back({.input = input, .path = "", .pixels = {}});
  return batch;
}

TEST(InputTexts, EachPictureHasItsText) {
  const InputTexts texts({"a", "b", "c", "d"}, 4);
  const std::vector<Picture> batch = batch_of({1, 3});  // 2 could not be read
  EXPECT_THAT(texts.of(batch), ElementsAre("b", "d"));
  EXPECT_EQ(texts.num_inputs(batch), 2U);
  EXPECT_EQ(texts.picture_of(1), 1U);
}

TEST(InputTexts, OnePictureHasAllTexts) {
  const InputTexts texts({"a", "b", "c"}, 1);
  const std::vector<Picture> batch = batch_of({0});
  EXPECT_THAT(texts.of(batch), ElementsAre("a", "b", "c"));
  EXPECT_EQ(texts.num_inputs(batch), 3U);
  EXPECT_EQ(texts.picture_of(2), 0U);
}

TEST(InputTexts, PicturesMayStandWithoutTexts) {
  const InputTexts texts({}, 5);
  EXPECT_THAT(texts.of(batch_of({0, 1})), IsEmpty());
  EXPECT_EQ(texts.num_inputs(batch_of({0, 1})), 2U);
}

TEST(InputTexts, NumbersThatDoNotPairAreRefused) {
  EXPECT_THAT(error_of([] { InputTexts({"a", "b"}, 3); }).second,
              HasSubstr("as many texts as pictures (3), or one picture; found 2 texts"));
}

}  // namespace
}  // namespace blip2
