// The BERT blocks that the Q-Former, BERT and BLIP's text models share: post-layer-norm attention
// and feed-forward. No layer type: models compose these, because they differ in what is between
// them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "blip2/nn/linear.h"
#include "blip2/nn/norm.h"
#include "blip2/nn/packing.h"

namespace blip2 {

/// Attention with its output projection, residual and layer norm (BERT's `attention` or
/// `crossattention`).
struct BertAttention {
  Linear query, key, value;  // [D, D]; key and value [D, Dv] in cross-attention
  Linear output;             // [D, D]
  LayerNorm norm;
};

/// `source_width`: what keys and values are projected from: D in self-attention, Dv in
/// cross-attention.
BertAttention make_bert_attention(int64_t width, int64_t source_width, double eps);
void visit(BertAttention& attention, const Visitor& visitor);
void initialise(BertAttention& attention, double std, Random& random);

/// Keys and values of one attention, heads split: [B, H, S, K] each.
struct KeyValue {
  at::Tensor key, value;
};

/// What `attention` looks at: source [B, S, D or Dv] -> keys and values.
KeyValue project_key_value(const BertAttention& attention, const at::Tensor& source,
                           int64_t num_heads);
/// The rows `rows` ([M] int64) of the batch, layer by layer.
std::vector<KeyValue> select_rows(const std::vector<KeyValue>& layers, const at::Tensor& rows);

struct BertFeedForward {
  Linear up;    // [F, D]
  Linear down;  // [D, F]
  LayerNorm norm;
};

BertFeedForward make_bert_feed_forward(int64_t width, int64_t hidden, double eps);
void visit(BertFeedForward& feed_forward, const Visitor& visitor);
void initialise(BertFeedForward& feed_forward, double std, Random& random);

/// LN(x + dropout(down(gelu(up(x))))), exact (erf) GELU. x: [..., D] -> [..., D].
at::Tensor apply(const BertFeedForward& feed_forward, const at::Tensor& x, double dropout);

/// LN(x + dropout(output(attended))): what follows the attention proper. Both [..., D].
at::Tensor finish_attention(const BertAttention& attention, const at::Tensor& attended,
                            const at::Tensor& x, double dropout);

/// A batch of texts, packed.
struct Text {
  at::Tensor ids;  // [R] int64
  Packing packing;
};
/// ids, mask: [B, T] int64, right-padded.
Text pack_text(const at::Tensor& ids, const at::Tensor& mask);

/// The masked-language-model head of BERT. Its output matrix is mostly tied to the word embeddings.
struct BertLmHead {
  Linear transform;  // [D, D]
  LayerNorm norm;
  at::Tensor bias;  // [V]
};

BertLmHead make_bert_lm_head(int64_t width, int64_t vocab_size, double eps);
void visit(BertLmHead& head, const Visitor& visitor);
void initialise(BertLmHead& head, double std, Random& random);

/// rows [M, D], output_weight [V, D] -> logits [M, V].
at::Tensor apply(const BertLmHead& head, const at::Tensor& rows, const at::Tensor& output_weight);

/// Inverted dropout drawn from torch's generator; the identity for p = 0.
at::Tensor dropout(const at::Tensor& x, double p);

}  // namespace blip2
