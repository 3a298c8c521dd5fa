// The text transformer of the first BLIP: BERT layers with cross-attention in every one. It is a
// text encoder, an image-grounded text encoder and, under a causal mask, an image-grounded text
// decoder (BLIP section 3.1, Fig. 2). The heads and the writing are elsewhere.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "blip2/models/language/bert.h"

namespace blip2 {

/// Hugging Face's `BlipTextConfig`, field by field, with its defaults.
struct BlipTextConfig {
  int64_t vocab_size = 30524;  ///< with [DEC] and [ENC]
  int64_t hidden_size = 768;
  int64_t encoder_hidden_size = 768;  ///< Dv: 768 (base) or 1024 (large)
  int64_t intermediate_size = 3072;
  int64_t num_hidden_layers = 12;
  int64_t num_attention_heads = 8;  ///< 12 in every published model, whose config.json says so
  int64_t max_position_embeddings = 512;
  double layer_norm_eps = 1e-12;
  int64_t bos_token_id = 30522;  ///< [DEC]
  int64_t sep_token_id = 102;
  int64_t pad_token_id = 0;
};

/// Calls `v(name, field, help)` for every field; names are those of Hugging Face's config.json.
template <typename V>
void visit(BlipTextConfig& config, V&& v) {
  v("vocab_size", config.vocab_size, "rows of the embedding table");
  v("hidden_size", config.hidden_size, "width of the residual stream");
  v("encoder_hidden_size", config.encoder_hidden_size, "width of what cross-attention looks at");
  v("intermediate_size", config.intermediate_size, "width of the feed-forward");
  v("num_hidden_layers", config.num_hidden_layers, "layers");
  v("num_attention_heads", config.num_attention_heads, "heads; divides hidden_size");
  v("max_position_embeddings", config.max_position_embeddings, "longest text, in tokens");
  v("layer_norm_eps", config.layer_norm_eps, "epsilon of the norms");
  v("bos_token_id", config.bos_token_id, "what a text to be written starts with: [DEC]");
  v("sep_token_id", config.sep_token_id, "what ends a written text: [SEP]");
  v("pad_token_id", config.pad_token_id, "padding token");
}

/// Throws kInvalidArgument where a field is out of range or fields disagree.
void validate(const BlipTextConfig& config);

struct BlipTextLayer {
  BertAttention self_attention;
  BertAttention cross_attention;
  BertFeedForward feed_forward;
};

struct BlipTextModel {
  BlipTextConfig config;
  Embedding word_embeddings;      // [V, D]
  Embedding position_embeddings;  // [max_position_embeddings, D]
  LayerNorm embedding_norm;
  std::vector<BlipTextLayer> layers;
};

/// A model of the given shape, uninitialised. Throws as validate() does.
BlipTextModel make_blip_text_model(const BlipTextConfig& config);
void visit(BlipTextModel& model, const Visitor& visitor);

/// What texts look at, B of them (pictures, or questions that an answer looks at), as every layer's
/// cross-attention sees it. Projected once, used by every pass and by every token written.
///
/// N texts may look at B contexts where N is a multiple of B: N/B texts, one after another, look at
/// each. Nothing is repeated for it.
struct TextContext {
  std::vector<KeyValue> layers;  // [B, H, P, K]
  at::Tensor mask;               // additive [B, 1, 1, P], or undefined where all may be seen

  int64_t size() const { return layers.front().key.size(0); }
};

/// embeds: [B, P, Dv], the image encoder's output after its `post_layernorm`, class token included.
/// `mask`: [B, P] of 0/1, or undefined where there is no padding.
TextContext project_context(const BlipTextModel& model, const at::Tensor& embeds,
                            const at::Tensor& mask = {});
/// The contexts `rows` ([M] int64).
TextContext select_rows(const TextContext& context, const at::Tensor& rows);

/// Words and positions, normed. ids, positions: int64 of one shape [...] -> [..., D].
at::Tensor embed_tokens(const BlipTextModel& model, const at::Tensor& ids,
                        const at::Tensor& positions);

/// Cross-attention proper of `query` [N, T, D], the projected rows of N texts, to the keys of one
/// layer's B contexts. -> [N, T, D].
at::Tensor attend_to_context(const at::Tensor& query, const KeyValue& keys, const at::Tensor& mask);

/// The text alone, every token sees every other (ITC). -> packed rows [R, D].
at::Tensor encode_text(const BlipTextModel& model, const Text& text);

/// The text looking at its context, every token sees every other (ITM, questions). -> packed rows
/// [R, D].
at::Tensor encode_grounded_text(const BlipTextModel& model, const Text& text,
                                const TextContext& context);

/// The text looking at its context, each token sees the text up to itself (captions, answers). ->
/// packed rows [R, D].
at::Tensor decode_grounded_text(const BlipTextModel& model, const Text& text,
                                const TextContext& context);

/// The rows of the first tokens of `text` among its packed rows: [R, D] -> [N, D].
at::Tensor first_rows(const Text& text, const at::Tensor& rows);

}  // namespace blip2
