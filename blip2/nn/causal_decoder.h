// What all decoder-only language models share when they write with a cache.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <vector>

#include "blip2/nn/causal_cursor.h"
#include "blip2/nn/decoder.h"
#include "blip2/nn/kv_cache.h"

namespace blip2 {

/// Writes N rows token by token after their prompts.
class CausalDecoder : public Decoder {
 public:
  void select(const at::Tensor& rows) final;

 protected:
  /// prompt_embeds [N, S, Dl]; prompt_mask [N, S] of 0/1, padding anywhere but at the end of a row,
  /// or undefined where there is none. Positions count the real tokens.
  CausalDecoder(const at::Tensor& prompt_embeds, const at::Tensor& prompt_mask, size_t num_layers);

  /// ids [N] int64 -> [N, Dl].
  virtual at::Tensor embed_ids(const at::Tensor& ids) const = 0;
  /// Runs T new tokens of every row, and appends to every layer's cache. x [N, T, Dl] -> logits of
  /// the last token, [N, V].
  virtual at::Tensor run(const at::Tensor& x, const CausalCursor::Tokens& tokens) = 0;

  KvCache& cache(size_t layer) { return caches_[layer]; }
  /// Tokens of a row so far, padding included.
  int64_t length() const { return cursor_.length(); }

 private:
  at::Tensor first_logits() final;
  at::Tensor next_logits(const at::Tensor& ids) final;

  at::Tensor prompt_embeds_;  // [N, S, Dl], until start()
  at::Tensor prompt_mask_;    // [N, S] or undefined, until start()
  CausalCursor cursor_;
  std::vector<KvCache> caches_;
};

}  // namespace blip2
