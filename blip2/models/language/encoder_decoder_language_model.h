// What the rest of the program sees of a language model that reads with an encoder and writes with
// a decoder (T5).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "blip2/models/language/language_model.h"
#include "blip2/nn/packing.h"

namespace blip2 {

class EncoderDecoderLanguageModel : public LanguageModel {
 public:
  /// The encoder over packed rows, differentiable in `rows`. rows [R, Dl] -> [R, Dl], after its
  /// final norm. Padding may be anywhere (pack_with_gaps).
  virtual at::Tensor encode(const at::Tensor& rows, const Packing& packing) const = 0;

  /// The decoder over packed rows under the causal mask, with cross-attention to what encode() made
  /// of `source`; differentiable in both. rows [R, Dl]: the embeddings of shift_right(labels) ->
  /// [R, Dl], after the final norm: row i is for predicting label i.
  virtual at::Tensor hidden(const at::Tensor& rows, const Packing& packing,
                            const at::Tensor& encoded, const Packing& source) const = 0;

  /// rows [M, Dl] of hidden() -> [M, V].
  virtual at::Tensor logits(const at::Tensor& rows) const = 0;

  /// The token that the decoder begins with, before the first one written.
  virtual int64_t start_id() const = 0;
};

/// What a decoder reads while it is taught `labels` [B, T]: the start token, then all labels but
/// the last. Its mask is that of the labels. [B, T].
at::Tensor shift_right(const at::Tensor& labels, int64_t start_id);

}  // namespace blip2
