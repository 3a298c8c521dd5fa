// BERT's blocks: attention, feed-forward, and the language-modelling head.
#include "blip2/models/language/bert.h"

#include <ATen/ops/dropout.h>
#include <ATen/ops/gelu.h>

#include "blip2/base/error.h"
#include "blip2/nn/attention.h"

namespace blip2 {

BertAttention make_bert_attention(int64_t width, int64_t source_width, double eps) {
  return {make_linear(width, width), make_linear(source_width, width),
          make_linear(source_width, width), make_linear(width, width), make_layer_norm(width, eps)};
}

void visit(BertAttention& attention, const Visitor& visitor) {
  visit(attention.query, visitor.under("query"));
  visit(attention.key, visitor.under("key"));
  visit(attention.value, visitor.under("value"));
  visit(attention.output, visitor.under("output"));
  visit(attention.norm, visitor.under("norm"));
}

void initialise(BertAttention& attention, double std, Random& random) {
  for (Linear* linear : {&attention.query, &attention.key, &attention.value, &attention.output}) {
    initialise_normal(*linear, std, random);
  }
  initialise(attention.norm);
}

KeyValue project_key_value(const BertAttention& attention, const at::Tensor& source,
                           int64_t num_heads) {
  return {split_heads(apply(attention.key, source), num_heads),
          split_heads(apply(attention.value, source), num_heads)};
}

std::vector<KeyValue> select_rows(const std::vector<KeyValue>& layers, const at::Tensor& rows) {
  const auto select = [&](const at::Tensor& x) {  // [B, H, S, K]; stored as [B, S, H, K]
    const at::Tensor stored = x.transpose(1, 2);
    return gather_rows(stored.reshape({x.size(0), -1}), rows)
        .view({rows.size(0), x.size(2), x.size(1), x.size(3)})
        .transpose(1, 2);
  };
  std::vector<KeyValue> selected;
  for (const KeyValue& layer : layers) selected.push_back({select(layer.key), select(layer.value)});
  return selected;
}

BertFeedForward make_bert_feed_forward(int64_t width, int64_t hidden, double eps) {
  return {make_linear(width, hidden), make_linear(hidden, width), make_layer_norm(width, eps)};
}

void visit(BertFeedForward& feed_forward, const Visitor& visitor) {
  visit(feed_forward.up, visitor.under("up"));
  visit(feed_forward.down, visitor.under("down"));
  visit(feed_forward.norm, visitor.under("norm"));
}

void initialise(BertFeedForward& feed_forward, double std, Random& random) {
  initialise_normal(feed_forward.up, std, random);
  initialise_normal(feed_forward.down, std, random);
  initialise(feed_forward.norm);
}

at::Tensor dropout(const at::Tensor& x, double p) { return p == 0 ? x : at::dropout(x, p, true); }

at::Tensor apply(const BertFeedForward& feed_forward, const at::Tensor& x, double dropout_rate) {
  const at::Tensor hidden = at::gelu(apply(feed_forward.up, x));
  return apply(feed_forward.norm, x + dropout(apply(feed_forward.down, hidden), dropout_rate));
}

at::Tensor finish_attention(const BertAttention& attention, const at::Tensor& attended,
                            const at::Tensor& x, double dropout_rate) {
  return apply(attention.norm, x + dropout(apply(attention.output, attended), dropout_rate));
}

Text pack_text(const at::Tensor& ids, const at::Tensor& mask) {
  BLIP2_CHECK(ids.dim() == 2 && ids.sizes() == mask.sizes());
  Text text;
  text.packing = pack(mask);
  text.ids = ids.reshape(-1).index_select(0, text.packing.to_packed);
  return text;
}

BertLmHead make_bert_lm_head(int64_t width, int64_t vocab_size, double eps) {
  return {make_linear(width, width), make_layer_norm(width, eps), empty_parameter({vocab_size})};
}

void visit(BertLmHead& head, const Visitor& visitor) {
  visit(head.transform, visitor.under("transform"));
  visit(head.norm, visitor.under("norm"));
  visitor("bias", head.bias);
}

void initialise(BertLmHead& head, double std, Random& random) {
  initialise_normal(head.transform, std, random);
  initialise(head.norm);
  fill_uniform(head.bias, 0.0, random);
}

at::Tensor apply(const BertLmHead& head, const at::Tensor& rows, const at::Tensor& output_weight) {
  const at::Tensor hidden = apply(head.norm, at::gelu(apply(head.transform, rows)));
  return apply(Linear{output_weight, head.bias}, hidden);
}

}  // namespace blip2
