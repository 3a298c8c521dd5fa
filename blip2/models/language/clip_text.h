// CLIP's text model: a causal transformer of which one row, the end of the text, is read. Tensor
// names are Hugging Face's, which are ours. No tokenizer, no projection. Inference only.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "blip2/models/vision/vit_layers.h"
#include "blip2/nn/linear.h"
#include "blip2/nn/module.h"
#include "blip2/nn/norm.h"

namespace blip2 {

/// Hugging Face's `CLIPTextConfig`, field by field, with its defaults: CLIP ViT-B's text model.
struct ClipTextConfig {
  int64_t vocab_size = 49408;
  int64_t hidden_size = 512;
  int64_t intermediate_size = 2048;
  int64_t num_hidden_layers = 12;
  int64_t num_attention_heads = 8;
  int64_t max_position_embeddings = 77;
  std::string hidden_act = "quick_gelu";
  double layer_norm_eps = 1e-5;
  int64_t bos_token_id = 49406;
  int64_t eos_token_id = 49407;
  int64_t pad_token_id = 1;
};

/// Calls `v(name, field, help)` for every field; names are those of Hugging Face's config.json.
template <typename V>
void visit(ClipTextConfig& config, V&& v) {
  v("vocab_size", config.vocab_size, "rows of the embedding table");
  v("hidden_size", config.hidden_size, "width of the residual stream");
  v("intermediate_size", config.intermediate_size, "width of the MLP");
  v("num_hidden_layers", config.num_hidden_layers, "layers");
  v("num_attention_heads", config.num_attention_heads, "heads; divides the width");
  v("max_position_embeddings", config.max_position_embeddings, "longest text, in tokens");
  v("hidden_act", config.hidden_act, "activation of the MLP");
  v("layer_norm_eps", config.layer_norm_eps, "epsilon of the norms");
  v("bos_token_id", config.bos_token_id, "start token");
  v("eos_token_id", config.eos_token_id,
    "end token, whose row is read; 2 in OpenAI's files: the row of the largest id");
  v("pad_token_id", config.pad_token_id, "padding token");
}

/// Throws kInvalidArgument where a field is out of range or fields disagree.
void validate(const ClipTextConfig& config);

struct ClipText {
  ClipTextConfig config;
  Embedding token_embedding;     // [V, D]
  Embedding position_embedding;  // [max_position_embeddings, D]
  VitLayers encoder;
  LayerNorm final_layer_norm;
};

/// A model of the given shape, uninitialised. Throws as validate() does.
ClipText make_clip_text(const ClipTextConfig& config);
/// Names as they follow `text_model.` in Hugging Face's files.
void visit(ClipText& model, const Visitor& visitor);

/// Every token after the final layer norm, without a graph; a token sees itself and what is
/// before it. ids [B, T] int64; mask [B, T] of 0/1, 0 where a token is not seen, or undefined: what
/// pads a text on the right need not be masked. -> [B, T, D]. Throws kInvalidArgument for another
/// shape or more tokens than there are positions.
at::Tensor clip_text_hidden(const ClipText& model, const at::Tensor& ids,
                            const at::Tensor& mask = {});

/// The row that stands for each text: ids [B, T] -> [B] int64. The first end token; row 0 of a text
/// that has none. Where the configuration calls 2 the end token, as OpenAI's files do: the first of
/// the largest id.
at::Tensor end_positions(const ClipTextConfig& config, const at::Tensor& ids);

/// The rows end_positions() of clip_text_hidden(): [B, D].
at::Tensor clip_text_pooled(const ClipText& model, const at::Tensor& ids,
                            const at::Tensor& mask = {});

}  // namespace blip2
