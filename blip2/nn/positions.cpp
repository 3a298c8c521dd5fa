#include "blip2/nn/positions.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/addcmul.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/pow.h>

#include "blip2/base/error.h"

namespace blip2 {

Rotary make_rotary(const at::Tensor& positions, int64_t head_width, double theta) {
  BLIP2_CHECK(positions.dim() == 1 && head_width > 0 && head_width % 2 == 0);
  const at::TensorOptions options = positions.options().dtype(at::kFloat);
  // The order of operations is the reference's: at large positions one unit in the last place of a
  // frequency is visible in the angle.
  const at::Tensor exponents =
      at::arange(0, head_width, 2, options) / static_cast<double>(head_width);
  const at::Tensor frequencies = at::pow(at::Scalar(theta), exponents).reciprocal();  // [K/2]
  const at::Tensor angles =
      positions.to(at::kFloat).unsqueeze(1) * frequencies.unsqueeze(0);  // [R, K/2]
  const at::Tensor cosine = angles.cos();
  const at::Tensor sine = angles.sin();
  return {at::cat({cosine, cosine}, 1).unsqueeze(1), at::cat({-sine, sine}, 1).unsqueeze(1)};
}

at::Tensor rotate(const at::Tensor& x, const Rotary& rotary) {
  BLIP2_CHECK(x.dim() == 3 && x.size(0) == rotary.cosine.size(0) &&
              x.size(2) == rotary.cosine.size(2));
  const int64_t half = x.size(2) / 2;
  const at::Tensor swapped = at::cat({x.narrow(2, half, half), x.narrow(2, 0, half)}, 2);
  return at::addcmul(x * rotary.cosine, swapped, rotary.sine);
}

}  // namespace blip2
