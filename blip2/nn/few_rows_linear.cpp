// Threads over output features, each a dot product for every row.
#include "blip2/nn/few_rows_linear.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/nn/autocast.h"
#include "blip2/nn/row_kernels.h"

namespace blip2 {
namespace {

/// Rows up to which this is the faster way (bench/few_rows.cpp).
constexpr int64_t kFewRows = 64;
/// The same where the other way computes in bfloat16.
constexpr int64_t kFewRowsUnderAutocast = 12;
/// Multiplications that are worth another thread.
constexpr int64_t kWork = 1 << 16;

std::optional<internal::WeightType> weight_type(const at::Tensor& weight) {
  switch (weight.scalar_type()) {
    case at::kFloat:
      return internal::WeightType::kFloat32;
    case at::kHalf:
      return internal::WeightType::kFloat16;
    case at::kBFloat16:
      return internal::WeightType::kBFloat16;
    default:
      return std::nullopt;
  }
}

}  // namespace

bool is_few_rows_linear(const at::Tensor& x, const at::Tensor& weight) {
  const bool wants_gradient =
      at::GradMode::is_enabled() && (x.requires_grad() || weight.requires_grad());
  return x.scalar_type() == at::kFloat && weight.is_cpu() && weight.dim() == 2 &&
         weight_type(weight) && weight.is_contiguous() && !wants_gradient && x.numel() > 0 &&
         x.numel() / x.size(-1) <= (is_autocast(x) ? kFewRowsUnderAutocast : kFewRows);
}

at::Tensor few_rows_linear(const at::Tensor& x, const at::Tensor& weight) {
  BLIP2_CHECK(is_few_rows_linear(x, weight) && x.size(-1) == weight.size(1));
  const at::Tensor rows = x.contiguous();
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = weight.size(0);
  at::Tensor y = at::empty(shape, rows.options());
  const size_t length = static_cast<size_t>(weight.size(1));
  const internal::FewRows operands = {
      .type = weight_type(weight).value(),
      .weight = weight.const_data_ptr(),
      .rows = rows.const_data_ptr<float>(),
      .num_rows = static_cast<size_t>(rows.numel()) / length,
      .length = length,
      .num_outputs = static_cast<size_t>(weight.size(0)),
      .products = y.mutable_data_ptr<float>(),
  };
  const int64_t grain = std::max<int64_t>(kWork / std::max<int64_t>(rows.numel(), 1), 4);
  at::parallel_for(0, weight.size(0), grain, [&](int64_t begin, int64_t end) {
    internal::multiply(operands, static_cast<size_t>(begin), static_cast<size_t>(end));
  });
  return y;
}

}  // namespace blip2
