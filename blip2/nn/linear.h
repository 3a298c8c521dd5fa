// Affine maps and embedding tables.
#pragma once

#include <ATen/core/Tensor.h>

#include "blip2/nn/module.h"

namespace blip2 {

struct Linear {
  at::Tensor weight;  // [out, in]
  at::Tensor bias;    // [out], or undefined
};

enum class Bias { kNone, kPresent };

/// A linear layer of the given shape, uninitialised.
Linear make_linear(int64_t in, int64_t out, Bias bias = Bias::kPresent);
void visit(Linear& linear, const Visitor& visitor);

/// y = x W^T + b, in x's dtype, or in bfloat16 under Autocast. x: [..., in] -> [..., out].
at::Tensor apply(const Linear& linear, const at::Tensor& x);

/// Weight N(0, std), bias 0: BERT's initialisation (std 0.02).
void initialise_normal(Linear& linear, double std, Random& random);
/// Weight and bias uniform in +-1/sqrt(in): torch.nn.Linear's default.
void initialise_default(Linear& linear, Random& random);

struct Embedding {
  at::Tensor weight;  // [V, D]
};

Embedding make_embedding(int64_t count, int64_t width);
void visit(Embedding& embedding, const Visitor& visitor);

/// ids: [...] int64 -> [..., D], float32 where the table is narrower.
at::Tensor apply(const Embedding& embedding, const at::Tensor& ids);

}  // namespace blip2
