// OPT: a decoder-only language model with learned positions, biases, layer norm and a plain MLP.
// The 350m variant normalises after each sublayer and has embeddings narrower than its layers.
// Tensor names are Hugging Face's (`OPTForCausalLM`), which are ours. No tokenizer, no search.
//
// Dl is the width of what goes in and comes out (`word_embed_proj_dim`), Dh that of the layers
// (`hidden_size`); they differ in the 350m variant alone.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "blip2/nn/activations.h"
#include "blip2/nn/causal_decoder.h"
#include "blip2/nn/linear.h"
#include "blip2/nn/module.h"
#include "blip2/nn/norm.h"
#include "blip2/nn/packing.h"

namespace blip2 {

/// Hugging Face's `OPTConfig`, field by field, with its defaults (but `word_embed_proj_dim`, which
/// is there `hidden_size` where a file has none). `layer_norm_elementwise_affine` is true, and the
/// epsilon of the norms is no field: 1e-5.
struct OptConfig {
  int64_t hidden_size = 768;
  int64_t ffn_dim = 3072;
  int64_t num_hidden_layers = 12;
  int64_t num_attention_heads = 12;
  int64_t word_embed_proj_dim = 768;
  int64_t vocab_size = 50272;
  int64_t max_position_embeddings = 2048;
  std::string activation_function = "relu";
  bool do_layer_norm_before = true;
  bool remove_final_layer_norm = false;
  bool enable_bias = true;
  bool tie_word_embeddings = true;
  int64_t bos_token_id = 2;
  int64_t eos_token_id = 2;
  int64_t pad_token_id = 1;
};

/// Calls `v(name, field, help)` for every field; names are those of Hugging Face's config.json.
template <typename V>
void visit(OptConfig& config, V&& v) {
  v("hidden_size", config.hidden_size, "width of the layers");
  v("ffn_dim", config.ffn_dim, "width of the MLP");
  v("num_hidden_layers", config.num_hidden_layers, "layers");
  v("num_attention_heads", config.num_attention_heads, "heads; divides the width of the layers");
  v("word_embed_proj_dim", config.word_embed_proj_dim, "width of the embedding table");
  v("vocab_size", config.vocab_size, "rows of the embedding table");
  v("max_position_embeddings", config.max_position_embeddings, "longest sequence, in tokens");
  v("activation_function", config.activation_function, "of the MLP");
  v("do_layer_norm_before", config.do_layer_norm_before, "norms before each sublayer, not after");
  v("_remove_final_layer_norm", config.remove_final_layer_norm, "no norm after the last layer");
  v("enable_bias", config.enable_bias, "the layers' projections have biases");
  v("tie_word_embeddings", config.tie_word_embeddings, "the output matrix is the embedding table");
  v("bos_token_id", config.bos_token_id, "start token, -1 for none");
  v("eos_token_id", config.eos_token_id, "end token, -1 for none");
  v("pad_token_id", config.pad_token_id, "padding token, -1 for none");
}

/// Throws kInvalidArgument where a field is out of range or fields disagree.
void validate(const OptConfig& config);

struct OptLayer {
  Linear q_proj, k_proj, v_proj, out_proj;  // [Dh, Dh]
  LayerNorm self_attn_layer_norm;
  Linear fc1;                  // [F, Dh]
  Linear fc2;                  // [Dh, F]
  LayerNorm final_layer_norm;  // of the MLP, although its name does not say so
};

struct Opt {
  OptConfig config;
  Activation activation = Activation::kRelu;
  Embedding embed_tokens;     // [V, Dl]
  Embedding embed_positions;  // [max_position_embeddings + 2, Dh]
  Linear project_in;          // [Dh, Dl], no bias; undefined where Dh = Dl
  std::vector<OptLayer> layers;
  std::optional<LayerNorm> final_layer_norm;  ///< of the model
  Linear project_out;                         // [Dl, Dh], no bias; undefined where Dh = Dl
  Linear lm_head;  // [V, Dl], no bias; undefined where it is tied to embed_tokens
};

/// A model of the given shape, uninitialised. Throws as validate() does.
Opt make_opt(const OptConfig& config);
void visit(Opt& model, const Visitor& visitor);

/// Token embeddings alone: positions are added over the whole sequence. ids: [...] int64 ->
/// [..., Dl].
at::Tensor embed(const Opt& model, const at::Tensor& ids);

/// The last hidden states of packed rows (normed and projected out where the model does); every row
/// of the batch sees itself and what is before it. inputs_embeds: [R, Dl], as Hugging Face's:
/// before project_in, without positions -> [R, Dl]. Differentiable in inputs_embeds. Throws
/// kInvalidArgument where a row is longer than the model's positions.
at::Tensor opt_hidden(const Opt& model, const at::Tensor& inputs_embeds, const Packing& packing);

/// rows: [M, Dl] of opt_hidden -> [M, V].
at::Tensor opt_logits(const Opt& model, const at::Tensor& rows);

/// Writes N rows token by token, with a cache, without gradients. The model must outlive it.
class OptDecoder final : public CausalDecoder {
 public:
  /// As CausalDecoder's; prompt_embeds [N, S, Dl] are opt_hidden's. start() and step() throw
  /// kInvalidArgument where the rows become longer than the model's positions.
  OptDecoder(const Opt& model, const at::Tensor& prompt_embeds, const at::Tensor& prompt_mask);

 private:
  at::Tensor embed_ids(const at::Tensor& ids) const override { return embed(model_, ids); }
  at::Tensor run(const at::Tensor& x, const CausalCursor::Tokens& tokens) override;

  const Opt& model_;
};

}  // namespace blip2
