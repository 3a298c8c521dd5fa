// The masks of BLIP-2 Fig. 2, cell by cell against rules written as plain loops.
#include "blip2/nn/masks.h"

#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <limits>

namespace blip2 {
namespace {

// Three texts of 4, 2 and 1 tokens; two queries.
constexpr int64_t kQueries = 2;
const int64_t kLengths[] = {4, 2, 1};

at::Tensor text_mask() {
  return at::tensor({1, 1, 1, 1, 1, 1, 0, 0, 1, 0, 0, 0}, at::kLong).view({3, 4});
}

bool allowed(const at::Tensor& mask, int64_t b, int64_t row, int64_t column) {
  const float value = mask[b][0][row][column].item<float>();
  EXPECT_TRUE(value == 0.0F || value == -10000.0F) << value;
  return value == 0.0F;
}

TEST(Masks, UnimodalSeesEveryRealToken) {
  const at::Tensor mask = unimodal_mask(text_mask());
  ASSERT_EQ(mask.sizes(), at::IntArrayRef({3, 1, 1, 4}));
  for (int64_t b = 0; b < 3; ++b) {
    for (int64_t k = 0; k < 4; ++k) EXPECT_EQ(allowed(mask, b, 0, k), k < kLengths[b]);
  }
}

TEST(Masks, BidirectionalSeesQueriesAndRealTokens) {
  const at::Tensor mask = bidirectional_mask(text_mask(), kQueries);
  ASSERT_EQ(mask.sizes(), at::IntArrayRef({3, 1, 1, 6}));
  for (int64_t b = 0; b < 3; ++b) {
    for (int64_t k = 0; k < 6; ++k) {
      EXPECT_EQ(allowed(mask, b, 0, k), k < kQueries || k - kQueries < kLengths[b]);
    }
  }
}

TEST(Masks, MultimodalCausalTextSeesQueriesAndItsPast) {
  const at::Tensor mask = multimodal_causal_mask(text_mask(), kQueries);
  ASSERT_EQ(mask.sizes(), at::IntArrayRef({3, 1, 4, 6}));
  for (int64_t b = 0; b < 3; ++b) {
    for (int64_t t = 0; t < 4; ++t) {
      for (int64_t k = 0; k < 6; ++k) {
        const int64_t token = k - kQueries;
        EXPECT_EQ(allowed(mask, b, t, k), k < kQueries || (token <= t && token < kLengths[b]))
            << b << " " << t << " " << k;
      }
    }
  }
}

TEST(Masks, JointMultimodalCausalHidesTextFromQueries) {
  const at::Tensor mask = multimodal_causal_mask_joint(text_mask(), kQueries);
  ASSERT_EQ(mask.sizes(), at::IntArrayRef({3, 1, 6, 6}));
  for (int64_t b = 0; b < 3; ++b) {
    for (int64_t row = 0; row < 6; ++row) {
      for (int64_t k = 0; k < 6; ++k) {
        const bool text_row = row >= kQueries, text_key = k >= kQueries;
        const bool expected = !text_key || (text_row && k <= row && k - kQueries < kLengths[b]);
        EXPECT_EQ(allowed(mask, b, row, k), expected) << b << " " << row << " " << k;
      }
    }
  }
}

TEST(Masks, CausalSeesRealKeysUpToItself) {
  // Left padding of 2 in the second row; 3 new tokens behind 2 cached ones.
  const at::Tensor keys = at::tensor({1, 1, 1, 1, 1, 0, 0, 1, 1, 1}, at::kLong).view({2, 5});
  const at::Tensor mask = causal_mask(keys, 3);
  ASSERT_EQ(mask.sizes(), at::IntArrayRef({2, 1, 3, 5}));
  for (int64_t b = 0; b < 2; ++b) {
    for (int64_t t = 0; t < 3; ++t) {
      for (int64_t k = 0; k < 5; ++k) {
        const bool expected = k <= t + 2 && (b == 0 || k >= 2);
        const float value = mask[b][0][t][k].item<float>();
        EXPECT_EQ(value, expected ? 0.0F : std::numeric_limits<float>::lowest());
      }
    }
  }
}

TEST(Masks, CausalRowWithoutKeysSeesItself) {
  const at::Tensor keys = at::tensor({0, 1}, at::kLong).view({1, 2});
  EXPECT_EQ(causal_mask(keys, 2)[0][0][0][0].item<float>(), 0.0F);
}

}  // namespace
}  // namespace blip2
