// Rotary angles and T5's buckets, in the references' order of operations.
#include "blip2/nn/positions.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/addcmul.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/where.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "blip2/base/error.h"

namespace blip2 {
namespace {

/// The exponents of the base: 0, 2/K, 4/K, ... [K/2]
at::Tensor rotary_exponents(int64_t head_width, const at::TensorOptions& options) {
  return at::arange(0, head_width, 2, options) / static_cast<double>(head_width);
}

at::Tensor llama3_frequencies(const at::Tensor& frequencies, const RopeScaling& scaling) {
  const at::Tensor waves_in_original =
      static_cast<double>(scaling.original_max_position_embeddings) /
      (2 * std::numbers::pi / frequencies);
  const at::Tensor kept = ((waves_in_original - scaling.low_freq_factor) /
                           (scaling.high_freq_factor - scaling.low_freq_factor))
                              .clamp(0.0, 1.0);  // 1: a short wave, 0: a long one
  return (1.0 - kept) * frequencies / scaling.factor + kept * frequencies;
}

/// waves: theta^(2j/K), [K/2].
at::Tensor yarn_frequencies(const at::Tensor& waves, int64_t head_width, double theta,
                            const RopeScaling& scaling) {
  const auto dimension_of = [&](double turns) {
    return static_cast<double>(head_width) *
           std::log(static_cast<double>(scaling.original_max_position_embeddings) /
                    (turns * 2 * std::numbers::pi)) /
           (2 * std::log(theta));
  };
  double low = dimension_of(scaling.beta_fast), high = dimension_of(scaling.beta_slow);
  if (scaling.truncates) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, static_cast<double>(head_width - 1));
  if (low == high) high += 0.001;  // the reference's
  const at::Tensor divided =
      ((at::arange(waves.size(0), waves.options()) - low) / (high - low)).clamp(0.0, 1.0);
  return (scaling.factor * waves).reciprocal() * divided + waves.reciprocal() * (1.0 - divided);
}

/// Radians a token: [K/2], or for kDynamic [R, K/2].
at::Tensor rotary_frequencies(int64_t head_width, double theta, const RopeScaling& scaling,
                              const at::Tensor& lengths, const at::TensorOptions& options) {
  // The order of operations is the reference's: at large positions one unit in the last place of a
  // frequency is visible in the angle.
  const at::Tensor exponents = rotary_exponents(head_width, options);
  const at::Tensor waves = at::pow(at::Scalar(theta), exponents);
  switch (scaling.kind) {
    case RopeScaling::Kind::kNone:
      return waves.reciprocal();
    case RopeScaling::Kind::kLinear:
      return waves.reciprocal() / scaling.factor;
    case RopeScaling::Kind::kLlama3:
      return llama3_frequencies(waves.reciprocal(), scaling);
    case RopeScaling::Kind::kYarn:
      return yarn_frequencies(waves, head_width, theta, scaling);
    case RopeScaling::Kind::kDynamic: {
      BLIP2_CHECK(lengths.defined() && head_width > 2);
      const int64_t original = scaling.original_max_position_embeddings;
      const double width = static_cast<double>(head_width);
      const at::Tensor growth = lengths.clamp_min(original).to(at::kFloat) * scaling.factor /
                                    static_cast<double>(original) -
                                (scaling.factor - 1.0);                   // [R]
      const at::Tensor base = theta * growth.pow(width / (width - 2.0));  // [R]
      return at::pow(base.unsqueeze(1), exponents.unsqueeze(0)).reciprocal();
    }
  }
  fail(ErrorCode::kInternal, "unknown scaling of the rotary frequencies");
}

}  // namespace

Rotary make_rotary(const at::Tensor& positions, int64_t head_width, double theta,
                   const RopeScaling& scaling, const at::Tensor& lengths) {
  BLIP2_CHECK(positions.dim() == 1 && head_width > 0 && head_width % 2 == 0);
  const at::TensorOptions options = positions.options().dtype(at::kFloat);
  const at::Tensor frequencies = rotary_frequencies(head_width, theta, scaling, lengths, options);
  const at::Tensor angles = positions.to(at::kFloat).unsqueeze(1) * frequencies;  // [R, K/2]
  at::Tensor cosine = angles.cos(), sine = angles.sin();
  if (scaling.kind == RopeScaling::Kind::kYarn && scaling.attention_factor != 1.0) {
    cosine = cosine * scaling.attention_factor;
    sine = sine * scaling.attention_factor;
  }
  return {at::cat({cosine, cosine}, 1).unsqueeze(1), at::cat({-sine, sine}, 1).unsqueeze(1)};
}

at::Tensor rotate(const at::Tensor& x, const Rotary& rotary) {
  BLIP2_CHECK(x.dim() == 3 && x.size(0) == rotary.cosine.size(0) &&
              x.size(2) == rotary.cosine.size(2));
  const int64_t half = x.size(2) / 2;
  const at::Tensor swapped = at::cat({x.narrow(2, half, half), x.narrow(2, 0, half)}, 2);
  return at::addcmul(x * rotary.cosine, swapped, rotary.sine);
}

at::Tensor relative_buckets(const at::Tensor& offsets, const RelativeBuckets& buckets) {
  BLIP2_CHECK(offsets.scalar_type() == at::kLong);
  const int64_t count = buckets.bidirectional ? buckets.num_buckets / 2 : buckets.num_buckets;
  const int64_t num_near = count / 2;  // distances with a bucket of their own
  BLIP2_CHECK(num_near >= 1 && buckets.max_distance > num_near);
  const at::Tensor distances = buckets.bidirectional ? offsets.abs() : (-offsets).clamp_min(0);
  // In float32 and in the reference's order: the buckets' borders depend on the rounding.
  const double span =
      std::log(static_cast<double>(buckets.max_distance) / static_cast<double>(num_near));
  const at::Tensor far =
      (num_near +
       ((distances.clamp_min(num_near).to(at::kFloat) / num_near).log() / span * (count - num_near))
           .to(at::kLong))
          .clamp_max(count - 1);
  const at::Tensor found = at::where(distances < num_near, distances, far);
  return buckets.bidirectional ? found + (offsets > 0).to(at::kLong) * count : found;
}

}  // namespace blip2
