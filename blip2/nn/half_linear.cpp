// Blocks of weights widened in the cache, then multiplied; an autograd function.
#include "blip2/nn/half_linear.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>

#include <algorithm>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/nn/few_rows_linear.h"
#include "blip2/nn/half_kernels.h"

namespace blip2 {
namespace {

using internal::HalfType;

/// Output features of a widened block.
constexpr int64_t kRowsAtOnce = 512;

HalfType half_type(const at::Tensor& weight) {
  return weight.scalar_type() == at::kHalf ? HalfType::kFloat16 : HalfType::kBFloat16;
}

const uint16_t* bits_of(const at::Tensor& weight) {
  return static_cast<const uint16_t*>(weight.const_data_ptr());
}

/// Calls fn(first, wide) for stretches of rows of a weight [out, in], widened to float32.
template <typename Fn>
void for_each_block(const at::Tensor& weight, Fn fn) {
  const int64_t in = weight.size(1), out = weight.size(0);
  const HalfType type = half_type(weight);
  const uint16_t* bits = bits_of(weight);
  at::Tensor block =
      at::empty({std::min(kRowsAtOnce, out), in}, weight.options().dtype(at::kFloat));
  for (int64_t first = 0; first < out; first += kRowsAtOnce) {
    const int64_t count = std::min(kRowsAtOnce, out - first);
    at::Tensor wide = block.narrow(0, 0, count);
    float* data = wide.mutable_data_ptr<float>();
    at::parallel_for(0, count, 16, [&](int64_t begin, int64_t end) {
      internal::widen(type, bits + (first + begin) * in, data + begin * in,
                      static_cast<size_t>((end - begin) * in));
    });
    fn(first, wide);
  }
}

/// rows [R, in] -> y [R, out].
void many_rows(const at::Tensor& rows, const at::Tensor& weight, at::Tensor& y) {
  for_each_block(weight, [&](int64_t first, const at::Tensor& wide) {
    at::Tensor part = y.narrow(1, first, wide.size(0));
    at::mm_out(part, rows, wide.t());
  });
}

/// The gradient of the rows: gradient [R, out] -> [R, in].
at::Tensor rows_gradient(const at::Tensor& gradient, const at::Tensor& weight) {
  at::Tensor sum = at::zeros({gradient.size(0), weight.size(1)}, gradient.options());
  for_each_block(weight, [&](int64_t first, const at::Tensor& wide) {
    sum.addmm_(gradient.narrow(1, first, wide.size(0)), wide);
  });
  return sum;
}

/// In autograd's graph: keeps the narrow weight, no wide copy of it.
struct HalfLinearBackward : torch::autograd::Node {
  at::Tensor weight;
  std::vector<int64_t> shape;  // of x

  torch::autograd::variable_list apply(torch::autograd::variable_list&& gradients) override {
    BLIP2_CHECK(weight.defined());  // else it is the second backward pass
    if (!gradients[0].defined()) return {at::Tensor()};
    const at::NoGradGuard no_grad;
    return {rows_gradient(gradients[0].reshape({-1, weight.size(0)}), weight).view(shape)};
  }
  void release_variables() override { weight = at::Tensor(); }
};

at::Tensor values(const at::Tensor& x, const at::Tensor& weight) {
  const at::NoGradGuard no_grad;
  if (is_few_rows_linear(x, weight)) return few_rows_linear(x, weight);
  const at::Tensor rows = x.reshape({-1, weight.size(1)}).contiguous();
  at::Tensor y = at::empty({rows.size(0), weight.size(0)}, rows.options());
  if (rows.size(0) > 0) many_rows(rows, weight, y);
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = weight.size(0);
  return y.view(shape);
}

}  // namespace

bool is_half_linear(const at::Tensor& x, const at::Tensor& weight) {
  return (weight.scalar_type() == at::kHalf || weight.scalar_type() == at::kBFloat16) &&
         x.scalar_type() == at::kFloat && weight.is_cpu() && weight.is_contiguous() &&
         weight.dim() == 2 && !(at::GradMode::is_enabled() && weight.requires_grad());
}

at::Tensor half_linear(const at::Tensor& x, const at::Tensor& weight) {
  BLIP2_CHECK(is_half_linear(x, weight) && x.size(-1) == weight.size(1));
  if (!at::GradMode::is_enabled() || !x.requires_grad()) return values(x, weight);
  auto node = c10::make_intrusive<HalfLinearBackward>();
  node->set_next_edges(torch::autograd::collect_next_edges(x));
  node->weight = weight;
  node->shape = x.sizes().vec();
  const at::Tensor y = values(x, weight).detach();
  torch::autograd::set_history(y, node);
  return y;
}

}  // namespace blip2
