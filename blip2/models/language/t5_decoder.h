// A T5 writing token by token from what its encoder read.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "blip2/models/language/t5.h"
#include "blip2/nn/decoder.h"
#include "blip2/nn/kv_cache.h"
#include "blip2/nn/row_groups.h"

namespace blip2 {

/// The keys and values that every layer's cross-attention sees, once for each source (a picture
/// with its prompt), however many rows are written from it.
class T5Sources {
 public:
  struct Layer {
    at::Tensor keys, values;  // [P, H, S, K]
  };

  T5Sources() = default;
  /// Of the encoder's output [R, Dl].
  T5Sources(const T5& model, const at::Tensor& encoded, const Packing& packing);

  /// query: [N, H, 1, K] of N rows -> [N, 1, H*K].
  at::Tensor attend(size_t layer, const at::Tensor& query) const;

  /// Row i henceforth has the source of what was row rows[i]. Copies nothing as long as every
  /// source has a row.
  void select(const at::Tensor& rows);

 private:
  std::vector<Layer> layers_;
  at::Tensor mask_;   // additive [P, 1, 1, S], or undefined
  RowGroups groups_;  // rows by their source
};

/// Writes N rows token by token, with a cache. The model must outlive it.
class T5Decoder : public Decoder {
 public:
  /// The encoder's input: embeds [N, S, Dl]; mask [N, S] of 0/1, padding anywhere, or undefined
  /// where there is none. The text begins with the model's start token, which is no part of it.
  T5Decoder(const T5& model, const at::Tensor& embeds, const at::Tensor& mask);

  void select(const at::Tensor& rows) override;

 private:
  /// Runs the encoder and the start token.
  at::Tensor first_logits() override;
  at::Tensor next_logits(const at::Tensor& ids) override;
  /// The bias of the token at `position` to itself and all before it: a view [1, H, 1, position+1].
  at::Tensor position_bias(int64_t position);

  const T5& model_;
  at::Tensor embeds_;  // [N, S, Dl], until start()
  at::Tensor mask_;    // [N, S] or undefined, until start()
  int64_t num_rows_;
  int64_t length_ = 0;  // tokens written, the start token included
  at::Tensor biases_;   // [1, H, 1, C]: by distance, the farthest first
  T5Sources sources_;
  std::vector<KvCache> caches_;
};

}  // namespace blip2
