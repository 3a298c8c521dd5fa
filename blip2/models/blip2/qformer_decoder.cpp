// The Q-Former writes a caption with the head of image-grounded generation.
#include "blip2/models/blip2/qformer_decoder.h"

#include <ATen/ops/full.h>

#include "blip2/base/error.h"
#include "blip2/nn/attention.h"

namespace blip2 {

QFormerDecoder::QFormerDecoder(const Stage1& model, const QueryPass& queries, int64_t dec_id)
    : model_(model), dec_id_(dec_id), num_rows_(queries.hidden.size(0)) {
  BLIP2_CHECK(queries.cache.size() == model.qformer.layers.size());
  for (const KeyValue& layer : queries.cache) {
    caches_.emplace_back().append(layer.key.detach(), layer.value.detach());
  }
}

at::Tensor QFormerDecoder::first_logits() {
  return next_logits(
      at::full({num_rows_}, dec_id_, model_.qformer.query_tokens.options().dtype(at::kLong)));
}

at::Tensor QFormerDecoder::next_logits(const at::Tensor& ids) {
  const QFormer& qformer = model_.qformer;
  const at::Tensor position = qformer.position_embeddings->weight[position_++];
  at::Tensor x =
      apply(qformer.embedding_norm,
            (apply(*qformer.word_embeddings, ids) + position).unsqueeze(1));  // [N, 1, D]
  for (size_t i = 0; i < qformer.layers.size(); ++i) {
    const QFormerLayer& layer = qformer.layers[i];
    const BertAttention& self = layer.self_attention;
    const auto heads = [&](const Linear& linear) {
      return split_heads(apply(linear, x), qformer.config.num_attention_heads);
    };
    const at::Tensor attended =
        attend_cached(caches_[i], heads(self.query), heads(self.key), heads(self.value), {});
    x = finish_attention(self, attended, x, 0.0);
    x = apply(*layer.text_feed_forward, x, 0.0);
  }
  return apply(model_.lm_head, x.squeeze(1), qformer.word_embeddings->weight);
}

void QFormerDecoder::select(const at::Tensor& rows) {
  for (KvCache& cache : caches_) cache.select(rows);
  num_rows_ = rows.size(0);
}

}  // namespace blip2
