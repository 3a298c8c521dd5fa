#include "blip2/nn/narrow_linear.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>

#include <algorithm>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/nn/few_rows_linear.h"
#include "blip2/nn/narrow_kernels.h"

namespace blip2 {
namespace {

using internal::NarrowType;

/// Output features of a widened block.
constexpr int64_t kBlock = 512;

NarrowType narrow_type(const at::Tensor& weight) {
  return weight.scalar_type() == at::kHalf ? NarrowType::kFloat16 : NarrowType::kBFloat16;
}

const uint16_t* bits_of(const at::Tensor& weight) {
  return static_cast<const uint16_t*>(weight.const_data_ptr());
}

/// rows [R, in] -> y [R, out].
void multiply_blocks(const at::Tensor& rows, const at::Tensor& weight, at::Tensor& y) {
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
  if (is_few_rows_linear(x, weight)) return few_rows_linear(x, weight);
  const at::Tensor rows = x.reshape({-1, weight.size(1)}).contiguous();
  at::Tensor y = at::empty({rows.size(0), weight.size(0)}, rows.options());
  if (rows.size(0) > 0) multiply_blocks(rows, weight, y);
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = weight.size(0);
  return y.view(shape);
}

}  // namespace blip2
