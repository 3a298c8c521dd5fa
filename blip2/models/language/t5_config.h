// The configuration of a T5, v1.0, v1.1 or Flan.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace blip2 {

/// Hugging Face's `T5Config`, field by field, with its defaults. Two of them depend on others where
/// a file has none: `num_decoder_layers` is `num_layers`, and `dense_act_fn` is
/// t5_activation_name(feed_forward_proj). BLIP-2's Flan-T5 says "gelu" there, the stock one says
/// nothing and means "gelu_new".
struct T5Config {
  int64_t d_model = 512;
  int64_t d_kv = 64;
  int64_t d_ff = 2048;
  int64_t num_layers = 6;
  int64_t num_decoder_layers = 6;
  int64_t num_heads = 8;
  int64_t relative_attention_num_buckets = 32;
  int64_t relative_attention_max_distance = 128;
  double layer_norm_epsilon = 1e-6;
  std::string feed_forward_proj = "relu";
  std::string dense_act_fn = "relu";
  int64_t vocab_size = 32128;
  bool tie_word_embeddings = true;
  /// Whether an output matrix that a file lacks is the embedding table, unscaled: transformers 5
  /// does so, and has a key of its own for the scale. Not in config.json: not visited.
  bool shares_missing_output = false;
  int64_t decoder_start_token_id = 0;
  int64_t eos_token_id = 1;
  int64_t pad_token_id = 0;
};

/// Calls `v(name, field, help)` for every field; names are those of Hugging Face's config.json.
template <typename V>
void visit(T5Config& config, V&& v) {
  v("d_model", config.d_model, "width of the residual stream");
  v("d_kv", config.d_kv, "width of a head");
  v("d_ff", config.d_ff, "width of the MLP");
  v("num_layers", config.num_layers, "layers of the encoder");
  v("num_decoder_layers", config.num_decoder_layers, "layers of the decoder");
  v("num_heads", config.num_heads, "heads");
  v("relative_attention_num_buckets", config.relative_attention_num_buckets,
    "classes of distance between a query and a key");
  v("relative_attention_max_distance", config.relative_attention_max_distance,
    "distance, in tokens, from which on all are one class");
  v("layer_norm_epsilon", config.layer_norm_epsilon, "epsilon of the norms");
  v("feed_forward_proj", config.feed_forward_proj, "the MLP: an activation, or gated-activation");
  v("dense_act_fn", config.dense_act_fn, "the MLP's activation");
  v("vocab_size", config.vocab_size, "rows of the embedding table");
  v("tie_word_embeddings", config.tie_word_embeddings,
    "the output matrix is the embedding table, and its inputs are scaled by d_model^-0.5");
  v("decoder_start_token_id", config.decoder_start_token_id, "what the decoder begins with");
  v("eos_token_id", config.eos_token_id, "end token, -1 for none");
  v("pad_token_id", config.pad_token_id, "padding token, -1 for none");
}

/// What `dense_act_fn` is where a file has none: "gelu_new" for "gated-gelu", else the last part.
std::string t5_activation_name(std::string_view feed_forward_proj);

/// True for v1.1 and Flan: the MLP multiplies an activated with a linear projection.
bool is_gated(const T5Config& config);

/// Throws kInvalidArgument where a field is out of range or fields disagree.
void validate(const T5Config& config);

}  // namespace blip2
