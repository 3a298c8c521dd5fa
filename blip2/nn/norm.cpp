// torch's norms in float32.
#include "blip2/nn/norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/rms_norm.h>

namespace blip2 {

LayerNorm make_layer_norm(int64_t width, double eps) {
  return LayerNorm{empty_parameter({width}), empty_parameter({width}), eps};
}

void visit(LayerNorm& norm, const Visitor& visitor) {
  visitor("weight", norm.weight);
  visitor("bias", norm.bias);
}

void initialise(LayerNorm& norm) {
  const at::NoGradGuard no_grad;
  norm.weight.fill_(1.0);
  norm.bias.fill_(0.0);
}

at::Tensor apply(const LayerNorm& norm, const at::Tensor& x) {
  return at::layer_norm(x, {norm.weight.size(0)}, as_dtype(norm.weight, x.scalar_type()),
                        as_dtype(norm.bias, x.scalar_type()), norm.eps);
}

RmsNorm make_rms_norm(int64_t width, double eps) { return RmsNorm{empty_parameter({width}), eps}; }

void visit(RmsNorm& norm, const Visitor& visitor) { visitor("weight", norm.weight); }

at::Tensor apply(const RmsNorm& norm, const at::Tensor& x) {
  return at::rms_norm(x, {norm.weight.size(0)}, as_dtype(norm.weight, x.scalar_type()), norm.eps);
}

at::Tensor normalize(const at::Tensor& x) {
  const at::Tensor wide = widened(x);
  return wide / at::linalg_vector_norm(wide, 2, {-1}, true).clamp_min(1e-12);
}

}  // namespace blip2
