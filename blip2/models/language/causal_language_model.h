// What the rest of the program sees of a decoder-only language model (OPT, LLaMA).
#pragma once

#include <ATen/core/Tensor.h>

#include "blip2/models/language/language_model.h"
#include "blip2/nn/packing.h"

namespace blip2 {

class CausalLanguageModel : public LanguageModel {
 public:
  /// Hidden states of packed rows under the causal mask, differentiable in `rows`. rows [R, Dl] ->
  /// [R, Dl], after the final norm.
  virtual at::Tensor hidden(const at::Tensor& rows, const Packing& packing) const = 0;

  /// rows [M, Dl] -> [M, V].
  virtual at::Tensor logits(const at::Tensor& rows) const = 0;
};

}  // namespace blip2
