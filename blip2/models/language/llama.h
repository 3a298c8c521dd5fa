// LLaMA: a decoder-only language model with RMS norm, rotary positions, grouped-query attention and
// a gated MLP. Tensor names are Hugging Face's (`LlamaForCausalLM`), which are ours. No tokenizer,
// no search.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "blip2/nn/causal_decoder.h"
#include "blip2/nn/linear.h"
#include "blip2/nn/module.h"
#include "blip2/nn/norm.h"
#include "blip2/nn/packing.h"
#include "blip2/nn/positions.h"

namespace blip2 {

/// Hugging Face's `LlamaConfig`, field by field. Defaults: SmolLM2-135M. `hidden_act` is "silu".
struct LlamaConfig {
  int64_t hidden_size = 576;
  int64_t intermediate_size = 1536;
  int64_t num_hidden_layers = 30;
  int64_t num_attention_heads = 9;
  int64_t num_key_value_heads = 3;
  int64_t head_dim = 64;
  double rope_theta = 100000.0;
  double rms_norm_eps = 1e-5;
  int64_t vocab_size = 49152;
  int64_t max_position_embeddings = 8192;
  bool attention_bias = false;
  bool mlp_bias = false;
  bool qkv_bias = false;  ///< on q, k and v, not on o (Qwen2); not in config.json: not visited
  bool tie_word_embeddings = true;
  int64_t bos_token_id = 1;
  int64_t eos_token_id = 2;
  int64_t pad_token_id = 2;
  RopeScaling rope_scaling;     ///< an object in config.json: not visited
  std::string title = "LLaMA";  ///< the family, for messages: not visited
};

/// Calls `v(name, field, help)` for every plain field; names are those of Hugging Face's
/// config.json.
template <typename V>
void visit(LlamaConfig& config, V&& v) {
  v("hidden_size", config.hidden_size, "width of the residual stream");
  v("intermediate_size", config.intermediate_size, "width of the gated MLP");
  v("num_hidden_layers", config.num_hidden_layers, "layers");
  v("num_attention_heads", config.num_attention_heads, "query heads");
  v("num_key_value_heads", config.num_key_value_heads,
    "key and value heads; divides the query heads");
  v("head_dim", config.head_dim, "width of a head, even");
  v("rope_theta", config.rope_theta, "base of the rotary frequencies");
  v("rms_norm_eps", config.rms_norm_eps, "epsilon of the norms");
  v("vocab_size", config.vocab_size, "rows of the embedding table");
  v("max_position_embeddings", config.max_position_embeddings, "longest sequence, in tokens");
  v("attention_bias", config.attention_bias, "the attention's four projections have biases");
  v("mlp_bias", config.mlp_bias, "the MLP's three projections have biases");
  v("tie_word_embeddings", config.tie_word_embeddings, "the output matrix is the embedding table");
  v("bos_token_id", config.bos_token_id, "start token, -1 for none");
  v("eos_token_id", config.eos_token_id, "end token, -1 for none");
  v("pad_token_id", config.pad_token_id, "padding token, -1 for none");
}

/// Throws kInvalidArgument where a field is out of range or fields disagree.
void validate(const LlamaConfig& config);

struct LlamaLayer {
  RmsNorm input_layernorm;
  Linear q_proj;  // [H*K, Dl]
  Linear k_proj;  // [Hkv*K, Dl]
  Linear v_proj;  // [Hkv*K, Dl]
  Linear o_proj;  // [Dl, H*K]
  RmsNorm post_attention_layernorm;
  Linear gate_proj;  // [F, Dl]
  Linear up_proj;    // [F, Dl]
  Linear down_proj;  // [Dl, F]
};

struct Llama {
  LlamaConfig config;
  Embedding embed_tokens;  // [V, Dl]
  std::vector<LlamaLayer> layers;
  RmsNorm norm;
  Linear lm_head;  // [V, Dl]; undefined where it is tied to embed_tokens
};

/// A model of the given shape, uninitialised. Throws as validate() does.
Llama make_llama(const LlamaConfig& config);
void visit(Llama& model, const Visitor& visitor);

/// ids: [...] int64 -> [..., Dl].
at::Tensor embed(const Llama& model, const at::Tensor& ids);

/// The normed last hidden states of packed rows; every row of the batch sees itself and what stands
/// before it. inputs_embeds: [R, Dl] -> [R, Dl]. Differentiable in inputs_embeds.
at::Tensor llama_hidden(const Llama& model, const at::Tensor& inputs_embeds,
                        const Packing& packing);

/// rows: [M, Dl] of llama_hidden -> [M, V].
at::Tensor llama_logits(const Llama& model, const at::Tensor& rows);

/// Writes N rows token by token, with a cache, without gradients. The model must outlive it.
class LlamaDecoder final : public CausalDecoder {
 public:
  /// As CausalDecoder's.
  LlamaDecoder(const Llama& model, const at::Tensor& prompt_embeds, const at::Tensor& prompt_mask);

 private:
  at::Tensor embed_ids(const at::Tensor& ids) const override { return embed(model_, ids); }
  at::Tensor run(const at::Tensor& x, const CausalCursor::Tokens& tokens) override;

  const Llama& model_;
};

}  // namespace blip2
