// T5 (v1.0, v1.1, Flan): an encoder that reads and a decoder that writes, with RMS norm before each
// sublayer, relative positions in buckets, no biases, and attention without scaling. Tensor names
// are Hugging Face's (`T5ForConditionalGeneration`), which are ours; the one embedding table is
// `shared`. No tokenizer, no search, no dropout. Writing with a cache: t5_decoder.h.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "blip2/models/language/t5_config.h"
#include "blip2/nn/activations.h"
#include "blip2/nn/linear.h"
#include "blip2/nn/module.h"
#include "blip2/nn/norm.h"
#include "blip2/nn/packing.h"
#include "blip2/nn/positions.h"

namespace blip2 {

/// A sublayer, with the norm before it.
struct T5Attention {
  RmsNorm layer_norm;
  Linear q, k, v;  // [H*K, Dl]
  Linear o;        // [Dl, H*K]
};

/// Gated: wo(act(wi_0 x) * wi_1 x), `wi` undefined. Else wo(act(wi x)), the other two undefined.
struct T5FeedForward {
  RmsNorm layer_norm;
  Linear wi, wi_0, wi_1;  // [F, Dl]
  Linear wo;              // [Dl, F]
};

struct T5EncoderBlock {
  T5Attention self_attention;
  T5FeedForward feed_forward;
};

struct T5DecoderBlock {
  T5Attention self_attention;
  T5Attention cross_attention;  ///< to the encoder's output
  T5FeedForward feed_forward;
};

/// Blocks, the bias that the first of them has for all (by bucket and head), and the norm after
/// them.
template <typename Block>
struct T5Stack {
  std::vector<Block> blocks;
  Embedding relative_attention_bias;  // [buckets, H]
  RmsNorm final_layer_norm;
};

struct T5 {
  T5Config config;
  Activation activation = Activation::kRelu;
  Embedding shared;  // [V, Dl]
  T5Stack<T5EncoderBlock> encoder;
  T5Stack<T5DecoderBlock> decoder;
  Linear lm_head;  // [V, Dl]; undefined where it is tied to `shared`
};

/// A model of the given shape, uninitialised. Throws as validate() does.
T5 make_t5(const T5Config& config);
void visit(T5& model, const Visitor& visitor);

/// For the encoder and the decoder. ids: [...] int64 -> [..., Dl].
at::Tensor embed(const T5& model, const at::Tensor& ids);

/// The encoder over packed rows, of which every one sees its whole row of the batch.
/// inputs_embeds: [R, Dl] -> [R, Dl], normed. Padding may be anywhere (pack_with_gaps).
/// Differentiable in inputs_embeds.
at::Tensor t5_encode(const T5& model, const at::Tensor& inputs_embeds, const Packing& packing);

/// The decoder over packed rows: every one sees itself, what is before it, and all of its row
/// of the encoder's output. inputs_embeds: [R, Dl], the embeddings of the start token and the text
/// but its last token; encoded: what t5_encode made of `source` -> [R, Dl], normed; row i is for
/// predicting the token after row i. Differentiable in both.
at::Tensor t5_hidden(const T5& model, const at::Tensor& inputs_embeds, const Packing& packing,
                     const at::Tensor& encoded, const Packing& source);

/// rows: [M, Dl] of t5_hidden -> [M, V].
at::Tensor t5_logits(const T5& model, const at::Tensor& rows);

// The steps of a block, for the decoder with a cache.

/// T5 does not divide by the root of the head width.
inline constexpr double kT5AttentionScale = 1.0;
/// x: [..., Dl] -> [..., Dl], x added.
at::Tensor apply(const T5FeedForward& feed_forward, Activation activation, const at::Tensor& x);
/// Which distances the decoder's, or the encoder's, table tells apart.
RelativeBuckets decoder_buckets(const T5Config& config);
RelativeBuckets encoder_buckets(const T5Config& config);
/// The mask of cross-attention: additive [B, 1, 1, S], undefined where nothing is padding.
at::Tensor t5_source_mask(const Packing& source);

}  // namespace blip2
