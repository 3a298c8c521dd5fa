// Positions and masks of rows behind prompts of unequal lengths, cell by cell.
#include "blip2/nn/causal_cursor.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "blip2/base/error.h"

namespace blip2 {
namespace {

constexpr float kHidden = std::numeric_limits<float>::lowest();

/// No padding, one token, and a gap between picture and text.
at::Tensor prompt_mask() {
  return at::tensor({1, 1, 1, 1, 0, 0, 0, 1, 1, 0, 0, 1}, at::kLong).view({3, 4});
}

void expect_seen(const at::Tensor& mask, const std::vector<std::vector<int>>& expected) {
  const int64_t length = static_cast<int64_t>(expected[0].size());
  ASSERT_EQ(mask.sizes(), at::IntArrayRef({static_cast<int64_t>(expected.size()), 1, 1, length}));
  for (size_t row = 0; row < expected.size(); ++row) {
    for (size_t key = 0; key < expected[row].size(); ++key) {
      const float value =
          mask[static_cast<int64_t>(row)][0][0][static_cast<int64_t>(key)].item<float>();
      EXPECT_EQ(value, expected[row][key] == 1 ? 0.0F : kHidden) << row << " " << key;
    }
  }
}

TEST(CausalCursor, CountsRealTokensAlone) {
  CausalCursor cursor;
  const CausalCursor::Tokens prompt = cursor.start(at::zeros({3, 4, 5}), prompt_mask());
  EXPECT_TRUE(at::equal(prompt.positions,
                        at::tensor({0, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 1}, at::kLong).view({3, 4})));
  EXPECT_EQ(prompt.mask.sizes(), at::IntArrayRef({3, 1, 4, 4}));
  EXPECT_EQ(prompt.mask[2][0][3][0].item<float>(), 0.0F);
  EXPECT_EQ(prompt.mask[2][0][3][1].item<float>(), kHidden);
  EXPECT_EQ(prompt.mask[0][0][1][2].item<float>(), kHidden);

  CausalCursor::Tokens tokens = cursor.advance();
  EXPECT_TRUE(at::equal(tokens.positions, at::tensor({4, 1, 2}, at::kLong).view({3, 1})));
  expect_seen(tokens.mask, {{1, 1, 1, 1, 1}, {0, 0, 0, 1, 1}, {1, 0, 0, 1, 1}});

  cursor.select(at::tensor({2, 1, 2}, at::kLong));
  tokens = cursor.advance();
  EXPECT_TRUE(at::equal(tokens.positions, at::tensor({3, 2, 3}, at::kLong).view({3, 1})));
  expect_seen(tokens.mask, {{1, 0, 0, 1, 1, 1}, {0, 0, 0, 1, 1, 1}, {1, 0, 0, 1, 1, 1}});
  EXPECT_EQ(cursor.length(), 6);
}

TEST(CausalCursor, TheMaskGrowsBeyondItsBlocks) {
  CausalCursor cursor;
  cursor.start(at::zeros({1, 2, 5}), at::tensor({0, 1}, at::kLong).view({1, 2}));
  CausalCursor::Tokens tokens;
  for (int i = 0; i < 200; ++i) tokens = cursor.advance();
  ASSERT_EQ(tokens.mask.sizes(), at::IntArrayRef({1, 1, 1, 202}));
  EXPECT_EQ(tokens.mask[0][0][0][0].item<float>(), kHidden);
  EXPECT_TRUE(at::equal(tokens.mask.narrow(3, 1, 201), at::zeros({1, 1, 1, 201})));
  EXPECT_EQ(tokens.positions.item<int64_t>(), 200);
}

TEST(CausalCursor, NoMaskWithoutPadding) {
  for (const at::Tensor& mask : {at::Tensor(), at::ones({2, 3}, at::kLong)}) {
    CausalCursor cursor;
    const CausalCursor::Tokens prompt = cursor.start(at::zeros({2, 3, 5}), mask);
    EXPECT_TRUE(
        at::equal(prompt.positions, at::tensor({0, 1, 2, 0, 1, 2}, at::kLong).view({2, 3})));
    EXPECT_EQ(prompt.mask.sizes(), at::IntArrayRef({1, 1, 3, 3}));
    const CausalCursor::Tokens tokens = cursor.advance();
    EXPECT_FALSE(tokens.mask.defined());
    EXPECT_TRUE(at::equal(tokens.positions, at::tensor({3, 3}, at::kLong).view({2, 1})));
  }
}

TEST(CausalCursor, RefusesPaddingAtTheEnd) {
  CausalCursor cursor;
  EXPECT_THROW(cursor.start(at::zeros({1, 2, 5}), at::tensor({1, 0}, at::kLong).view({1, 2})),
               Error);
}

}  // namespace
}  // namespace blip2
