// Dropping image tokens: how many stay, that each picture has its own draw, and that a draw can be
// replayed.
#include "blip2/train/image_tokens.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <vector>

namespace blip2 {
namespace {

/// [B, P, 2]: token p of picture b is (100 b + p, -(100 b + p)).
at::Tensor numbered(int64_t batch, int64_t tokens) {
  at::Tensor embeds = at::zeros({batch, tokens, 2});
  for (int64_t b = 0; b < batch; ++b) {
    for (int64_t p = 0; p < tokens; ++p) {
      embeds[b][p][0] = static_cast<float>(100 * b + p);
      embeds[b][p][1] = -static_cast<float>(100 * b + p);
    }
  }
  return embeds;
}

TEST(ImageTokens, DroppingNothingReturnsTheTensorItself) {
  const at::Tensor embeds = numbered(2, 5);
  EXPECT_TRUE(drop_image_tokens(embeds, 0, 1, 1).is_same(embeds));
}

TEST(ImageTokens, KeepsWholeTokensOfTheOwnPictureInOrder) {
  const at::Tensor kept = drop_image_tokens(numbered(6, 10), 0.4, 1, 3);
  ASSERT_EQ(kept.sizes(), at::IntArrayRef({6, 6, 2}));
  for (int64_t b = 0; b < 6; ++b) {
    for (int64_t p = 0; p < 6; ++p) {
      const float name = kept[b][p][0].item<float>();
      EXPECT_EQ(kept[b][p][1].item<float>(), -name);
      EXPECT_GE(name, static_cast<float>(100 * b));
      EXPECT_LT(name, static_cast<float>(100 * b + 10));
      if (p == 0) continue;
      EXPECT_GT(name, kept[b][p - 1][0].item<float>());
    }
  }
}

TEST(ImageTokens, DrawsAllTokensEquallyOften) {
  std::vector<int> times(10, 0);
  const int64_t pictures = 2000;
  const at::Tensor kept = drop_image_tokens(numbered(pictures, 10), 0.7, 5, 1);
  for (int64_t b = 0; b < pictures; ++b) {
    for (int64_t p = 0; p < 3; ++p) {
      ++times[static_cast<size_t>(kept[b][p][0].item<float>()) % 100];
    }
  }
  // Binomial(2000, 0.3): mean 600, standard deviation 20.5.
  for (const int count : times) EXPECT_NEAR(count, 600, 100);
}

TEST(ImageTokens, ReplaysByStepAndSeed) {
  const at::Tensor embeds = numbered(4, 49);
  const at::Tensor kept = drop_image_tokens(embeds, 0.5, 1, 7);
  EXPECT_TRUE(at::equal(kept, drop_image_tokens(embeds, 0.5, 1, 7)));
  EXPECT_FALSE(at::equal(kept, drop_image_tokens(embeds, 0.5, 1, 8)));
  EXPECT_FALSE(at::equal(kept, drop_image_tokens(embeds, 0.5, 2, 7)));
}

TEST(ImageTokens, AtLeastOneTokenStays) {
  EXPECT_EQ(drop_image_tokens(numbered(2, 3), 0.95, 1, 1).size(1), 1);
}

}  // namespace
}  // namespace blip2
