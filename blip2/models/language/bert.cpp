#include "blip2/models/language/bert.h"

#include <ATen/ops/dropout.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/linear.h>

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

at::Tensor apply(const BertLmHead& head, const at::Tensor& rows,
                 const at::Tensor& word_embeddings) {
  const at::Tensor hidden = apply(head.norm, at::gelu(apply(head.transform, rows)));
  return at::linear(hidden, word_embeddings, head.bias);
}

}  // namespace blip2
