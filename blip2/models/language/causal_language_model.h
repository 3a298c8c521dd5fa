// What the rest of the program sees of a decoder-only language model (OPT, LLaMA).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "blip2/nn/decoder.h"
#include "blip2/nn/module.h"
#include "blip2/nn/packing.h"

namespace blip2 {

class CausalLanguageModel {
 public:
  virtual ~CausalLanguageModel() = default;

  /// ids [...] int64 -> [..., Dl].
  virtual at::Tensor embed(const at::Tensor& ids) const = 0;

  /// Hidden states of packed rows under the causal mask, differentiable in `rows`. rows [R, Dl] ->
  /// [R, Dl], after the final norm.
  virtual at::Tensor hidden(const at::Tensor& rows, const Packing& packing) const = 0;

  /// rows [M, Dl] -> [M, V].
  virtual at::Tensor logits(const at::Tensor& rows) const = 0;

  /// A decoder whose prompt is `embeds` [N, S, Dl] with `mask` [N, S] of 0/1 (left padding
  /// allowed).
  virtual std::unique_ptr<Decoder> decode(const at::Tensor& embeds,
                                          const at::Tensor& mask) const = 0;

  /// The tensors under the names that the checkpoint has after `language_model.`.
  virtual std::vector<NamedTensor> tensors() = 0;
};

}  // namespace blip2
