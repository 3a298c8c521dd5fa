// The Q-Former writing a caption without a language model, with the LM head of image-grounded
// generation: text after cached queries, one token after another (LAVIS 1.0.2,
// models/blip2_models/Qformer.py and blip2_qformer.py: generate).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "blip2/models/blip2/stage1.h"
#include "blip2/nn/decoder.h"
#include "blip2/nn/kv_cache.h"

namespace blip2 {

/// The prompt is [DEC] alone; the end token is [SEP]. The model must outlive it.
class QFormerDecoder : public Decoder {
 public:
  /// `queries`: the pass over the N pictures, with its cache.
  QFormerDecoder(const Stage1& model, const QueryPass& queries, int64_t dec_id);

  void select(const at::Tensor& rows) override;

 private:
  at::Tensor first_logits() override;
  at::Tensor next_logits(const at::Tensor& ids) override;

  const Stage1& model_;
  int64_t dec_id_;
  int64_t num_rows_;
  int64_t position_ = 0;  // of the next token; queries have no positions
  std::vector<KvCache> caches_;
};

}  // namespace blip2
