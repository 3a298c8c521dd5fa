// What writing needs of a language model of any kind.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

#include "blip2/nn/decoder.h"
#include "blip2/nn/module.h"

namespace blip2 {

class LanguageModel {
 public:
  virtual ~LanguageModel() = default;

  /// ids [...] int64 -> [..., Dl].
  virtual at::Tensor embed(const at::Tensor& ids) const = 0;

  /// A decoder behind (or, of an encoder-decoder, about) the prompt `embeds` [N, S, Dl] with `mask`
  /// [N, S] of 0/1, or undefined where nothing is padding. Padding is at the end for an
  /// encoder-decoder, anywhere else for a decoder-only model. Must not outlive this.
  virtual std::unique_ptr<Decoder> decode(const at::Tensor& embeds,
                                          const at::Tensor& mask) const = 0;

  /// The tensors under the names that the checkpoint has after `language_model.`.
  virtual std::vector<NamedTensor> tensors() = 0;
};

}  // namespace blip2
