// LLaMA: its tensors, its layers over packed rows, and its decoder.
#include "blip2/models/language/llama.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/silu.h>

#include <string>

#include "blip2/base/error.h"
#include "blip2/base/limits.h"
#include "blip2/nn/attention.h"
#include "blip2/nn/masks.h"
#include "blip2/nn/positions.h"

namespace blip2 {
namespace {

/// How messages begin.
std::string llama_where(const LlamaConfig& config) { return config.title + " configuration"; }

LlamaLayer make_layer(const LlamaConfig& config) {
  const int64_t width = config.hidden_size;
  const int64_t query_width = config.num_attention_heads * config.head_dim;
  const int64_t key_width = config.num_key_value_heads * config.head_dim;
  const auto bias = [](bool is_present) { return is_present ? Bias::kPresent : Bias::kNone; };
  const Bias qkv = bias(config.attention_bias || config.qkv_bias);
  const Bias mlp = bias(config.mlp_bias);
  LlamaLayer layer;
  layer.input_layernorm = make_rms_norm(width, config.rms_norm_eps);
  layer.q_proj = make_linear(width, query_width, qkv);
  layer.k_proj = make_linear(width, key_width, qkv);
  layer.v_proj = make_linear(width, key_width, qkv);
  layer.o_proj = make_linear(query_width, width, bias(config.attention_bias));
  layer.post_attention_layernorm = make_rms_norm(width, config.rms_norm_eps);
  layer.gate_proj = make_linear(width, config.intermediate_size, mlp);
  layer.up_proj = make_linear(width, config.intermediate_size, mlp);
  layer.down_proj = make_linear(config.intermediate_size, width, mlp);
  return layer;
}

void visit(LlamaLayer& layer, const Visitor& visitor) {
  const Visitor attention = visitor.under("self_attn");
  const Visitor mlp = visitor.under("mlp");
  visit(layer.input_layernorm, visitor.under("input_layernorm"));
  visit(layer.q_proj, attention.under("q_proj"));
  visit(layer.k_proj, attention.under("k_proj"));
  visit(layer.v_proj, attention.under("v_proj"));
  visit(layer.o_proj, attention.under("o_proj"));
  visit(layer.post_attention_layernorm, visitor.under("post_attention_layernorm"));
  visit(layer.gate_proj, mlp.under("gate_proj"));
  visit(layer.up_proj, mlp.under("up_proj"));
  visit(layer.down_proj, mlp.under("down_proj"));
}

/// One layer over R rows. `attend_rows(q [R, H, K], k [R, Hkv, K], v [R, Hkv, K]) -> [R, H*K]`
/// knows which row sees which. x: [R, Dl] -> [R, Dl].
template <typename AttendRows>
at::Tensor run_layer(const LlamaConfig& config, const LlamaLayer& layer, const Rotary& rotary,
                     const at::Tensor& x, AttendRows&& attend_rows) {
  const auto heads = [&](const at::Tensor& y) {
    return y.view({y.size(0), y.size(1) / config.head_dim, config.head_dim});
  };
  const at::Tensor attention_input = apply(layer.input_layernorm, x);
  const at::Tensor query = rotate(heads(apply(layer.q_proj, attention_input)), rotary);
  const at::Tensor key = rotate(heads(apply(layer.k_proj, attention_input)), rotary);
  const at::Tensor value = heads(apply(layer.v_proj, attention_input));
  const at::Tensor after_attention = x + apply(layer.o_proj, attend_rows(query, key, value));

  const at::Tensor mlp_input = apply(layer.post_attention_layernorm, after_attention);
  const at::Tensor gated =
      at::silu(apply(layer.gate_proj, mlp_input)) * apply(layer.up_proj, mlp_input);
  return after_attention + apply(layer.down_proj, gated);
}

/// [R, H, K] packed -> [B, H, T, K] padded.
at::Tensor pad_heads(const Packing& packing, const at::Tensor& x) {
  return split_heads(to_padded(packing, x.flatten(1)), x.size(1));
}

/// [N*T, H, K] -> [N, H, T, K].
at::Tensor rows_by_head(const at::Tensor& x, int64_t num_rows) {
  return x.view({num_rows, x.size(0) / num_rows, x.size(1), x.size(2)}).transpose(1, 2);
}

void validate_scaling(const LlamaConfig& config, const std::string& where) {
  using Kind = RopeScaling::Kind;
  const RopeScaling& scaling = config.rope_scaling;
  if (scaling.kind == Kind::kNone) return;
  require_within(where, "rope_scaling.factor", scaling.factor, above(0));
  if (scaling.kind == Kind::kLinear) return;
  require_within(where, "rope_scaling.original_max_position_embeddings",
                 scaling.original_max_position_embeddings, at_least(1));
  if (scaling.kind == Kind::kDynamic) {
    require_within(where, "head_dim (of dynamic rotary positions)", config.head_dim, at_least(4));
    return;
  }
  if (scaling.kind == Kind::kYarn) {
    require_within(where, "rope_scaling.beta_fast", scaling.beta_fast, above(0));
    require_within(where, "rope_scaling.beta_slow", scaling.beta_slow, above(0));
    require_within(where, "rope_scaling.attention_factor", scaling.attention_factor, above(0));
    require_within(where, "rope_theta (of yarn)", config.rope_theta, above(1));
    return;
  }
  if (!(scaling.low_freq_factor > 0) || !(scaling.high_freq_factor > scaling.low_freq_factor)) {
    fail(ErrorCode::kInvalidArgument,
         "{}: rope_scaling: expected 0 < low_freq_factor < high_freq_factor, found {} and {}",
         where, scaling.low_freq_factor, scaling.high_freq_factor);
  }
}

/// How long the sequence is that each packed row is of: [R] int64.
at::Tensor row_lengths(const Packing& packing) {
  const at::Tensor lengths = packing.mask.sum(1).to(at::kLong);  // [B]
  return lengths.index_select(0, packing.to_packed.div(packing.length, "floor"));
}

/// positions, lengths: as make_rotary()'s.
Rotary rotary_of(const LlamaConfig& config, const at::Tensor& positions,
                 const at::Tensor& lengths) {
  return make_rotary(positions, config.head_dim, config.rope_theta, config.rope_scaling, lengths);
}

}  // namespace

void validate(const LlamaConfig& config) {
  constexpr double kLargest = int64_t{1} << 24;
  const std::string where = llama_where(config);
  const auto require = [&](const char* name, int64_t value, double low, double high) {
    require_within(where, name, value, between(low, high));
  };
  require("hidden_size", config.hidden_size, 1, kLargest);
  require("intermediate_size", config.intermediate_size, 1, kLargest);
  require("num_hidden_layers", config.num_hidden_layers, 1, 1 << 12);
  require("num_attention_heads", config.num_attention_heads, 1, 1 << 16);
  require("num_key_value_heads", config.num_key_value_heads, 1,
          static_cast<double>(config.num_attention_heads));
  require("head_dim", config.head_dim, 2, 1 << 16);
  require("vocab_size", config.vocab_size, 1, kLargest);
  require("max_position_embeddings", config.max_position_embeddings, 1, kLargest);
  if (config.num_attention_heads % config.num_key_value_heads != 0) {
    fail(ErrorCode::kInvalidArgument,
         "{}: num_key_value_heads ({}) must divide num_attention_heads ({})", where,
         config.num_key_value_heads, config.num_attention_heads);
  }
  if (config.head_dim % 2 != 0) {
    fail(ErrorCode::kInvalidArgument, "{}: head_dim must be even, found {}", where,
         config.head_dim);
  }
  require_within(where, "rope_theta", config.rope_theta, above(0));
  require_within(where, "rms_norm_eps", config.rms_norm_eps, above(0));
  validate_scaling(config, where);
}

Llama make_llama(const LlamaConfig& config) {
  validate(config);
  Llama model;
  model.config = config;
  model.embed_tokens = make_embedding(config.vocab_size, config.hidden_size);
  for (int64_t i = 0; i < config.num_hidden_layers; ++i) model.layers.push_back(make_layer(config));
  model.norm = make_rms_norm(config.hidden_size, config.rms_norm_eps);
  if (!config.tie_word_embeddings) {
    model.lm_head = make_linear(config.hidden_size, config.vocab_size, Bias::kNone);
  }
  return model;
}

void visit(Llama& model, const Visitor& visitor) {
  const Visitor body = visitor.under("model");
  visit(model.embed_tokens, body.under("embed_tokens"));
  for (size_t i = 0; i < model.layers.size(); ++i) {
    visit(model.layers[i], body.under("layers", i));
  }
  visit(model.norm, body.under("norm"));
  visit(model.lm_head, visitor.under("lm_head"));
}

at::Tensor embed(const Llama& model, const at::Tensor& ids) {
  return apply(model.embed_tokens, ids);
}

at::Tensor llama_hidden(const Llama& model, const at::Tensor& inputs_embeds,
                        const Packing& packing) {
  BLIP2_CHECK(inputs_embeds.dim() == 2 && inputs_embeds.size(1) == model.config.hidden_size);
  BLIP2_CHECK(inputs_embeds.size(0) == packing.positions.size(0));
  const Rotary rotary = rotary_of(model.config, packing.positions, row_lengths(packing));
  // Padding is on the right, where no real token looks: the causal mask alone is enough.
  const at::Tensor mask =
      causal_mask(at::ones({1, packing.length}, packing.mask.options()), packing.length);
  const auto attend_packed = [&](const at::Tensor& query, const at::Tensor& key,
                                 const at::Tensor& value) {
    return to_packed(packing, merge_heads(attend(pad_heads(packing, query), pad_heads(packing, key),
                                                 pad_heads(packing, value), mask)));
  };
  at::Tensor x = inputs_embeds;  // [R, Dl]
  for (const LlamaLayer& layer : model.layers) {
    x = run_layer(model.config, layer, rotary, x, attend_packed);
  }
  return apply(model.norm, x);
}

at::Tensor llama_logits(const Llama& model, const at::Tensor& rows) {
  BLIP2_CHECK(rows.dim() == 2 && rows.size(1) == model.config.hidden_size);
  if (model.lm_head.weight.defined()) return apply(model.lm_head, rows);
  return apply(Linear{model.embed_tokens.weight, {}}, rows);
}

LlamaDecoder::LlamaDecoder(const Llama& model, const at::Tensor& prompt_embeds,
                           const at::Tensor& prompt_mask)
    : CausalDecoder(prompt_embeds, prompt_mask, model.layers.size()), model_(model) {
  BLIP2_CHECK(prompt_embeds.dim() == 3 && prompt_embeds.size(2) == model.config.hidden_size);
}

at::Tensor LlamaDecoder::run(const at::Tensor& x, const CausalCursor::Tokens& tokens) {
  const int64_t num_rows = x.size(0), num_new = x.size(1);
  // As in the reference, keys in the cache stay as they were rotated while the sequence grows.
  const at::Tensor lengths = (tokens.positions.amax(1, true) + 1).expand_as(tokens.positions);
  const Rotary rotary = rotary_of(model_.config, tokens.positions.reshape(-1), lengths.reshape(-1));
  at::Tensor rows = x.flatten(0, 1);  // [N*T, Dl]
  for (size_t i = 0; i < model_.layers.size(); ++i) {
    rows = run_layer(model_.config, model_.layers[i], rotary, rows,
                     [&](const at::Tensor& query, const at::Tensor& key, const at::Tensor& value) {
                       return attend_cached(cache(i), rows_by_head(query, num_rows),
                                            rows_by_head(key, num_rows),
                                            rows_by_head(value, num_rows), tokens.mask)
                           .flatten(0, 1);
                     });
  }
  const at::Tensor last = rows.view({num_rows, num_new, -1}).select(1, num_new - 1);  // [N, Dl]
  return llama_logits(model_, apply(model_.norm, last)).to(at::kFloat);
}

}  // namespace blip2
