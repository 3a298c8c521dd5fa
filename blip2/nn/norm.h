// Layer norm and RMS norm.
#pragma once

#include <ATen/core/Tensor.h>

#include "blip2/nn/module.h"

namespace blip2 {

struct LayerNorm {
  at::Tensor weight;  // [D]
  at::Tensor bias;    // [D]
  double eps = 1e-12;
};

LayerNorm make_layer_norm(int64_t width, double eps);
void visit(LayerNorm& norm, const Visitor& visitor);
/// Weight 1, bias 0.
void initialise(LayerNorm& norm);
/// In x's dtype. x: [..., D] -> [..., D].
at::Tensor apply(const LayerNorm& norm, const at::Tensor& x);

struct RmsNorm {
  at::Tensor weight;  // [D]
  double eps = 1e-5;
};

RmsNorm make_rms_norm(int64_t width, double eps);
void visit(RmsNorm& norm, const Visitor& visitor);
/// weight * x / sqrt(mean(x^2) + eps); statistics in float32 (LLaMA, T5). x: [..., D] -> [..., D].
at::Tensor apply(const RmsNorm& norm, const at::Tensor& x);

/// Rows of L2 norm 1, as torch.nn.functional.normalize (eps 1e-12), in float32 where x is narrower.
/// x: [..., D] -> [..., D].
at::Tensor normalize(const at::Tensor& x);

}  // namespace blip2
