#include "blip2/nn/narrow_linear.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>

#include <algorithm>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/nn/narrow_kernels.h"

namespace blip2 {
namespace {

using internal::kDotRows;
using internal::NarrowType;

/// Rows up to which reading the weights is what takes the time, not the arithmetic.
constexpr int64_t kFewRows = 8;
/// Output features of a widened block.
constexpr int64_t kBlock = 512;

NarrowType narrow_type(const at::Tensor& weight) {
  return weight.scalar_type() == at::kHalf ? NarrowType::kFloat16 : NarrowType::kBFloat16;
}

const uint16_t* bits_of(const at::Tensor& weight) {
  return static_cast<const uint16_t*>(weight.const_data_ptr());
}

/// rows [R, in] contiguous, R <= kFewRows -> y [R, out].
void few_rows(const at::Tensor& rows, const at::Tensor& weight, at::Tensor& y) {
  const int64_t num_rows = rows.size(0), in = weight.size(1), out = weight.size(0);
  const float* x = rows.const_data_ptr<float>();
  float* result = y.mutable_data_ptr<float>();
  const NarrowType type = narrow_type(weight);
  const uint16_t* bits = bits_of(weight);
  at::parallel_for(0, out, 64, [&](int64_t begin, int64_t end) {
    float sums[kDotRows];
    for (int64_t o = begin; o < end; ++o) {
      for (int64_t first = 0; first < num_rows; first += static_cast<int64_t>(kDotRows)) {
        const int64_t count = std::min(num_rows - first, static_cast<int64_t>(kDotRows));
        internal::dot_rows(type, bits + o * in, x + first * in, static_cast<size_t>(count),
                           static_cast<size_t>(in), sums);
        for (int64_t r = 0; r < count; ++r) result[(first + r) * out + o] = sums[r];
      }
    }
  });
}

/// rows [R, in] -> y [R, out].
void many_rows(const at::Tensor& rows, const at::Tensor& weight, at::Tensor& y) {
  const int64_t in = weight.size(1), out = weight.size(0);
  const NarrowType type = narrow_type(weight);
  const uint16_t* bits = bits_of(weight);
  at::Tensor block = at::empty({std::min(kBlock, out), in}, rows.options());
  for (int64_t first = 0; first < out; first += kBlock) {
    const int64_t count = std::min(kBlock, out - first);
    at::Tensor wide = block.narrow(0, 0, count);
    float* data = wide.mutable_data_ptr<float>();
    at::parallel_for(0, count, 16, [&](int64_t begin, int64_t end) {
      internal::widen(type, bits + (first + begin) * in, data + begin * in,
                      static_cast<size_t>((end - begin) * in));
    });
    at::Tensor part = y.narrow(1, first, count);
    at::mm_out(part, rows, wide.t());
  }
}

}  // namespace

bool is_narrow_linear(const at::Tensor& x, const at::Tensor& weight) {
  return (weight.scalar_type() == at::kHalf || weight.scalar_type() == at::kBFloat16) &&
         x.scalar_type() == at::kFloat && weight.is_cpu() && weight.is_contiguous() &&
         weight.dim() == 2 && !(at::GradMode::is_enabled() && x.requires_grad());
}

at::Tensor narrow_linear(const at::Tensor& x, const at::Tensor& weight) {
  BLIP2_CHECK(is_narrow_linear(x, weight) && x.size(-1) == weight.size(1));
  const at::Tensor rows = x.reshape({-1, weight.size(1)}).contiguous();
  at::Tensor y = at::empty({rows.size(0), weight.size(0)}, rows.options());
  if (rows.size(0) > 0) {
    if (rows.size(0) <= kFewRows) {
      few_rows(rows, weight, y);
    } else {
      many_rows(rows, weight, y);
    }
  }
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = weight.size(0);
  return y.view(shape);
}

}  // namespace blip2
