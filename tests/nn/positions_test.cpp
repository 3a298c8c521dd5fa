// T5's buckets against a table that transformers gave (4.57.6, models/t5/modeling_t5.py:
// _relative_position_bucket); scaled rotary frequencies against arithmetic.
#include "blip2/nn/positions.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <vector>

namespace blip2 {
namespace {

/// The bucket of distance n, where starts[b] is the first distance of bucket b.
int64_t by_table(const std::vector<int64_t>& starts, int64_t n) {
  int64_t bucket = 0;
  while (bucket + 1 < static_cast<int64_t>(starts.size()) &&
         starts[static_cast<size_t>(bucket) + 1] <= n) {
    ++bucket;
  }
  return bucket;
}

const std::vector<int64_t> kEncoder = {0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 23, 32, 46, 64, 91};
const std::vector<int64_t> kDecoder = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
                                       11, 12, 13, 14, 15, 16, 19, 21, 24, 27, 31,
                                       35, 40, 46, 52, 59, 67, 77, 87, 99, 113};

TEST(RelativeBuckets, BothSidesInTheEncoder) {
  const at::Tensor offsets = at::arange(-300, 301, at::kLong);
  const at::Tensor found = relative_buckets(offsets, {.bidirectional = true});
  for (int64_t i = 0; i < offsets.size(0); ++i) {
    const int64_t offset = i - 300;
    const int64_t expected = by_table(kEncoder, std::abs(offset)) + (offset > 0 ? 16 : 0);
    EXPECT_EQ(found[i].item<int64_t>(), expected) << offset;
  }
}

TEST(RelativeBuckets, ThePastInTheDecoder) {
  const at::Tensor offsets = at::arange(-300, 10, at::kLong).view({10, 31});
  const at::Tensor found = relative_buckets(offsets, {});
  ASSERT_EQ(found.sizes(), offsets.sizes());
  for (int64_t i = 0; i < offsets.numel(); ++i) {
    const int64_t offset = i - 300;
    EXPECT_EQ(found.reshape(-1)[i].item<int64_t>(),
              by_table(kDecoder, std::max<int64_t>(-offset, 0)))
        << offset;
  }
}

/// The angles of position 1: [K/2].
std::vector<double> frequencies(double theta, const RopeScaling& scaling) {
  const Rotary rotary = make_rotary(at::tensor({1}, at::kLong), 8, theta, scaling);
  std::vector<double> found;
  for (int64_t j = 0; j < 4; ++j) {
    // The first half of `sine` is negated.
    found.push_back(
        std::atan2(-rotary.sine[0][0][j].item<double>(), rotary.cosine[0][0][j].item<double>()));
  }
  return found;
}

TEST(Rotary, ScaledFrequencies) {
  // Of wave lengths 2 pi theta^(j/4): 6.28, 52.8, 444 and 3735 tokens.
  const double theta = 5000.0;
  std::vector<double> plain;
  for (int j = 0; j < 4; ++j) plain.push_back(std::pow(theta, -j / 4.0));
  const auto none = frequencies(theta, {});
  const auto linear = frequencies(theta, {.kind = RopeScaling::Kind::kLinear, .factor = 2.5});
  const auto llama3 = frequencies(theta, {.kind = RopeScaling::Kind::kLlama3,
                                          .factor = 8.0,
                                          .low_freq_factor = 1.0,
                                          .high_freq_factor = 4.0,
                                          .original_max_position_embeddings = 96});
  // Short below 24 tokens, long above 96.
  const double kept = (96 / (2 * std::numbers::pi / plain[1]) - 1.0) / (4.0 - 1.0);
  const double between = (1 - kept) * plain[1] / 8 + kept * plain[1];
  const std::vector<double> expected = {plain[0], between, plain[2] / 8, plain[3] / 8};
  for (size_t j = 0; j < 4; ++j) {
    EXPECT_NEAR(none[j] / plain[j], 1.0, 1e-6);
    EXPECT_NEAR(linear[j] / (plain[j] / 2.5), 1.0, 1e-6);
    EXPECT_NEAR(llama3[j] / expected[j], 1.0, 1e-6);
  }
}

}  // namespace
}  // namespace blip2
