// Padding and truncation, cell by cell.
#include "blip2/nn/token_batch.h"

#include <gtest/gtest.h>

#include "blip2/base/error.h"
#include "tests/support/plain_values.h"

namespace blip2 {
namespace {

using testing::plain_values;

TEST(PadIds, PadsToTheLongest) {
  const TokenBatch batch = pad_ids({{101, 7, 102}, {}, {101, 102}}, {.pad_id = 9});
  EXPECT_EQ(batch.ids.sizes(), (std::vector<int64_t>{3, 3}));
  EXPECT_EQ(batch.mask.sizes(), (std::vector<int64_t>{3, 3}));
  EXPECT_EQ(plain_values<int64_t>(batch.ids),
            (std::vector<int64_t>{101, 7, 102, 9, 9, 9, 101, 102, 9}));
  EXPECT_EQ(plain_values<int64_t>(batch.mask), (std::vector<int64_t>{1, 1, 1, 0, 0, 0, 1, 1, 0}));
}

TEST(PadIds, TruncatesOnTheRight) {
  const std::vector<std::vector<int64_t>> texts = {{101, 1, 2, 3, 102}, {101, 1, 102}, {101, 102}};
  EXPECT_EQ(plain_values<int64_t>(pad_ids(texts, {.max_length = 3}).ids),
            (std::vector<int64_t>{101, 1, 2, 101, 1, 102, 101, 102, 0}));
  const TokenBatch kept = pad_ids(texts, {.max_length = 3, .keep_last_token = true});
  EXPECT_EQ(plain_values<int64_t>(kept.ids),
            (std::vector<int64_t>{101, 1, 102, 101, 1, 102, 101, 102, 0}));
  EXPECT_EQ(plain_values<int64_t>(kept.mask), (std::vector<int64_t>{1, 1, 1, 1, 1, 1, 1, 1, 0}));
}

TEST(PadIds, PadsToAFixedLength) {
  const TokenBatch batch = pad_ids({{5}}, {.pad_id = 2, .max_length = 2, .fixed_length = 4});
  EXPECT_EQ(plain_values<int64_t>(batch.ids), (std::vector<int64_t>{5, 2, 2, 2}));
  EXPECT_EQ(plain_values<int64_t>(batch.mask), (std::vector<int64_t>{1, 0, 0, 0}));
  EXPECT_EQ(pad_ids({}, {}).ids.sizes(), (std::vector<int64_t>{0, 0}));
}

TEST(PadIds, RefusesImpossibleLengths) {
  EXPECT_THROW(pad_ids({{1}}, {.max_length = 0}), Error);
  EXPECT_THROW(pad_ids({{1}}, {.max_length = 8, .fixed_length = 4}), Error);
}

TEST(PadIds, PadsOnTheLeftForDecoders) {
  const TokenBatch batch = pad_ids({{1, 2, 3}, {}, {4}}, {.side = PaddingSide::kLeft, .pad_id = 9});
  EXPECT_EQ(plain_values<int64_t>(batch.ids), (std::vector<int64_t>{1, 2, 3, 9, 9, 9, 9, 9, 4}));
  EXPECT_EQ(plain_values<int64_t>(batch.mask), (std::vector<int64_t>{1, 1, 1, 0, 0, 0, 0, 0, 1}));
}

TEST(PadIds, SaysWhetherThereIsPadding) {
  EXPECT_FALSE(pad_ids({{1, 2}, {3, 4}}).has_padding);
  EXPECT_TRUE(pad_ids({{1, 2}, {3}}).has_padding);
  EXPECT_FALSE(pad_ids({{1, 2}, {3}}, {.max_length = 1}).has_padding);
  EXPECT_TRUE(pad_ids({{1}}, {.max_length = 1, .fixed_length = 2}).has_padding);
}

}  // namespace
}  // namespace blip2
