// Padding, truncation and stacking, cell by cell.
#include "blip2/data/collate.h"

#include <gtest/gtest.h>

#include "blip2/base/error.h"

namespace blip2 {
namespace {

/// A tensor as plain numbers, row by row.
template <typename T>
std::vector<T> values(const at::Tensor& tensor) {
  return {tensor.data_ptr<T>(), tensor.data_ptr<T>() + tensor.numel()};
}

TEST(PadTexts, PadsToTheLongest) {
  const TextBatch batch = pad_texts({{101, 7, 102}, {}, {101, 102}}, {.pad_id = 9});
  EXPECT_EQ(batch.ids.sizes(), (std::vector<int64_t>{3, 3}));
  EXPECT_EQ(batch.mask.sizes(), (std::vector<int64_t>{3, 3}));
  EXPECT_EQ(values<int64_t>(batch.ids), (std::vector<int64_t>{101, 7, 102, 9, 9, 9, 101, 102, 9}));
  EXPECT_EQ(values<int64_t>(batch.mask), (std::vector<int64_t>{1, 1, 1, 0, 0, 0, 1, 1, 0}));
}

TEST(PadTexts, CutsOnTheRight) {
  const std::vector<std::vector<int64_t>> texts = {{101, 1, 2, 3, 102}, {101, 1, 102}, {101, 102}};
  EXPECT_EQ(values<int64_t>(pad_texts(texts, {.max_length = 3}).ids),
            (std::vector<int64_t>{101, 1, 2, 101, 1, 102, 101, 102, 0}));
  const TextBatch kept = pad_texts(texts, {.max_length = 3, .keep_last_token = true});
  EXPECT_EQ(values<int64_t>(kept.ids),
            (std::vector<int64_t>{101, 1, 102, 101, 1, 102, 101, 102, 0}));
  EXPECT_EQ(values<int64_t>(kept.mask), (std::vector<int64_t>{1, 1, 1, 1, 1, 1, 1, 1, 0}));
}

TEST(PadTexts, FixedLength) {
  const TextBatch batch = pad_texts({{5}}, {.pad_id = 2, .max_length = 2, .fixed_length = 4});
  EXPECT_EQ(values<int64_t>(batch.ids), (std::vector<int64_t>{5, 2, 2, 2}));
  EXPECT_EQ(values<int64_t>(batch.mask), (std::vector<int64_t>{1, 0, 0, 0}));
  EXPECT_EQ(pad_texts({}, {}).ids.sizes(), (std::vector<int64_t>{0, 0}));
}

TEST(PadTexts, RefusesImpossibleLengths) {
  EXPECT_THROW(pad_texts({{1}}, {.max_length = 0}), Error);
  EXPECT_THROW(pad_texts({{1}}, {.max_length = 8, .fixed_length = 4}), Error);
}

TEST(StackPixels, KeepsOrderAndRefusesOtherSizes) {
  std::vector<float> first(3 * 2 * 4);
  std::vector<float> second(first.size());
  for (size_t i = 0; i < first.size(); ++i) {
    first[i] = static_cast<float>(i);
    second[i] = -static_cast<float>(i);
  }
  const at::Tensor pixels = stack_pixels({first, second}, 2, 4);
  EXPECT_EQ(pixels.sizes(), (std::vector<int64_t>{2, 3, 2, 4}));
  std::vector<float> expected = first;
  expected.insert(expected.end(), second.begin(), second.end());
  EXPECT_EQ(values<float>(pixels), expected);
  second.pop_back();
  EXPECT_THROW(stack_pixels({first, second}, 2, 4), Error);
}

}  // namespace
}  // namespace blip2
