// OPT: its tensors, its layers over packed rows, and its decoder.
#include "blip2/models/language/opt.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/ones.h>

#include "blip2/base/error.h"
#include "blip2/base/limits.h"
#include "blip2/base/quote.h"
#include "blip2/nn/attention.h"
#include "blip2/nn/masks.h"

namespace blip2 {
namespace {

constexpr double kNormEps = 1e-5;
/// The first rows of the position table belong to padding.
constexpr int64_t kPositionOffset = 2;

void require_opt_range(const char* name, int64_t value, int64_t high) {
  require_within("OPT configuration", name, value, between(1, static_cast<double>(high)));
}

void require_positions(const Opt& model, int64_t length) {
  if (length > model.config.max_position_embeddings) {
    fail(ErrorCode::kInvalidArgument,
         "OPT: expected at most {} tokens in a sequence (pictures and prompt included), found {}",
         model.config.max_position_embeddings, length);
  }
}

bool has_projections(const OptConfig& config) {
  return config.word_embed_proj_dim != config.hidden_size;
}

OptLayer make_layer(const OptConfig& config) {
  const int64_t width = config.hidden_size;
  const Bias bias = config.enable_bias ? Bias::kPresent : Bias::kNone;
  OptLayer layer;
  for (Linear* linear : {&layer.q_proj, &layer.k_proj, &layer.v_proj, &layer.out_proj}) {
    *linear = make_linear(width, width, bias);
  }
  layer.self_attn_layer_norm = make_layer_norm(width, kNormEps);
  layer.fc1 = make_linear(width, config.ffn_dim, bias);
  layer.fc2 = make_linear(config.ffn_dim, width, bias);
  layer.final_layer_norm = make_layer_norm(width, kNormEps);
  return layer;
}

void visit(OptLayer& layer, const Visitor& visitor) {
  const Visitor attention = visitor.under("self_attn");
  visit(layer.q_proj, attention.under("q_proj"));
  visit(layer.k_proj, attention.under("k_proj"));
  visit(layer.v_proj, attention.under("v_proj"));
  visit(layer.out_proj, attention.under("out_proj"));
  visit(layer.self_attn_layer_norm, visitor.under("self_attn_layer_norm"));
  visit(layer.fc1, visitor.under("fc1"));
  visit(layer.fc2, visitor.under("fc2"));
  visit(layer.final_layer_norm, visitor.under("final_layer_norm"));
}

/// What goes into the first layer. x: [R, Dl]; positions: [R] int64 -> [R, Dh].
at::Tensor enter(const Opt& model, const at::Tensor& x, const at::Tensor& positions) {
  const at::Tensor wide = has_projections(model.config) ? apply(model.project_in, x) : x;
  return wide + apply(model.embed_positions, positions + kPositionOffset);
}

/// The output of the last layer. x: [R, Dh] -> [R, Dl].
at::Tensor leave(const Opt& model, const at::Tensor& x) {
  const at::Tensor normed = model.final_layer_norm ? apply(*model.final_layer_norm, x) : x;
  return has_projections(model.config) ? apply(model.project_out, normed) : normed;
}

/// One layer over R rows. `attend_rows(q, k, v)`, all [R, Dh] -> [R, Dh], knows which row sees
/// which. x: [R, Dh] -> [R, Dh].
template <typename AttendRows>
at::Tensor run_layer(const Opt& model, const OptLayer& layer, const at::Tensor& x,
                     AttendRows&& attend_rows) {
  const bool before = model.config.do_layer_norm_before;
  const at::Tensor attention_input = before ? apply(layer.self_attn_layer_norm, x) : x;
  const at::Tensor attended =
      attend_rows(apply(layer.q_proj, attention_input), apply(layer.k_proj, attention_input),
                  apply(layer.v_proj, attention_input));
  at::Tensor y = x + apply(layer.out_proj, attended);
  if (!before) y = apply(layer.self_attn_layer_norm, y);

  const at::Tensor mlp_input = before ? apply(layer.final_layer_norm, y) : y;
  y = y + apply(layer.fc2, apply(model.activation, apply(layer.fc1, mlp_input)));
  return before ? y : apply(layer.final_layer_norm, y);
}

}  // namespace

void validate(const OptConfig& config) {
  constexpr int64_t kLargest = int64_t{1} << 24;
  require_opt_range("hidden_size", config.hidden_size, kLargest);
  require_opt_range("ffn_dim", config.ffn_dim, kLargest);
  require_opt_range("num_hidden_layers", config.num_hidden_layers, 1 << 12);
  require_opt_range("num_attention_heads", config.num_attention_heads, 1 << 16);
  require_opt_range("word_embed_proj_dim", config.word_embed_proj_dim, kLargest);
  require_opt_range("vocab_size", config.vocab_size, kLargest);
  require_opt_range("max_position_embeddings", config.max_position_embeddings, kLargest);
  if (config.hidden_size % config.num_attention_heads != 0) {
    fail(ErrorCode::kInvalidArgument,
         "OPT configuration: num_attention_heads ({}) must divide hidden_size ({})",
         config.num_attention_heads, config.hidden_size);
  }
  if (!parse_activation(config.activation_function)) {
    fail(ErrorCode::kInvalidArgument,
         "OPT configuration: activation_function: expected relu, gelu or another that this program "
         "knows, found {}",
         quote(config.activation_function));
  }
}

Opt make_opt(const OptConfig& config) {
  validate(config);
  const int64_t width = config.hidden_size, outer_width = config.word_embed_proj_dim;
  Opt model;
  model.config = config;
  model.activation = *parse_activation(config.activation_function);
  model.embed_tokens = make_embedding(config.vocab_size, outer_width);
  model.embed_positions = make_embedding(config.max_position_embeddings + kPositionOffset, width);
  if (has_projections(config)) {
    model.project_in = make_linear(outer_width, width, Bias::kNone);
    model.project_out = make_linear(width, outer_width, Bias::kNone);
  }
  for (int64_t i = 0; i < config.num_hidden_layers; ++i) model.layers.push_back(make_layer(config));
  if (config.do_layer_norm_before && !config.remove_final_layer_norm) {
    model.final_layer_norm = make_layer_norm(width, kNormEps);
  }
  if (!config.tie_word_embeddings) {
    model.lm_head = make_linear(outer_width, config.vocab_size, Bias::kNone);
  }
  return model;
}

void visit(Opt& model, const Visitor& visitor) {
  const Visitor body = visitor.under("model").under("decoder");
  visit(model.embed_tokens, body.under("embed_tokens"));
  visit(model.embed_positions, body.under("embed_positions"));
  visit(model.project_in, body.under("project_in"));
  visit(model.project_out, body.under("project_out"));
  for (size_t i = 0; i < model.layers.size(); ++i) {
    visit(model.layers[i], body.under("layers", i));
  }
  if (model.final_layer_norm) visit(*model.final_layer_norm, body.under("final_layer_norm"));
  visit(model.lm_head, visitor.under("lm_head"));
}

at::Tensor embed(const Opt& model, const at::Tensor& ids) { return apply(model.embed_tokens, ids); }

at::Tensor opt_hidden(const Opt& model, const at::Tensor& inputs_embeds, const Packing& packing) {
  BLIP2_CHECK(inputs_embeds.dim() == 2 &&
              inputs_embeds.size(1) == model.config.word_embed_proj_dim);
  BLIP2_CHECK(inputs_embeds.size(0) == packing.positions.size(0));
  require_positions(model, packing.length);
  const auto heads = [&](const at::Tensor& x) {
    return split_heads(to_padded(packing, x), model.config.num_attention_heads);  // [B, H, T, K]
  };
  // Padding is on the right, where no real token looks: the causal mask alone is enough.
  const at::Tensor mask =
      causal_mask(at::ones({1, packing.length}, packing.mask.options()), packing.length);
  const auto attend_packed = [&](const at::Tensor& query, const at::Tensor& key,
                                 const at::Tensor& value) {
    return to_packed(packing, merge_heads(attend(heads(query), heads(key), heads(value), mask)));
  };
  at::Tensor x = enter(model, inputs_embeds, packing.positions);  // [R, Dh]
  for (const OptLayer& layer : model.layers) x = run_layer(model, layer, x, attend_packed);
  return leave(model, x);
}

at::Tensor opt_logits(const Opt& model, const at::Tensor& rows) {
  BLIP2_CHECK(rows.dim() == 2 && rows.size(1) == model.config.word_embed_proj_dim);
  if (model.lm_head.weight.defined()) return apply(model.lm_head, rows);
  return apply(Linear{model.embed_tokens.weight, {}}, rows);
}

OptDecoder::OptDecoder(const Opt& model, const at::Tensor& prompt_embeds,
                       const at::Tensor& prompt_mask)
    : CausalDecoder(prompt_embeds, prompt_mask, model.layers.size()), model_(model) {
  BLIP2_CHECK(prompt_embeds.dim() == 3 &&
              prompt_embeds.size(2) == model.config.word_embed_proj_dim);
}

at::Tensor OptDecoder::run(const at::Tensor& x, const CausalCursor::Tokens& tokens) {
  const int64_t num_rows = x.size(0), num_new = x.size(1);
  if (length() > model_.config.max_position_embeddings) {
    require_positions(model_, tokens.positions.max().item<int64_t>() + 1);
  }
  const auto heads = [&](const at::Tensor& rows) {
    return split_heads(rows.view({num_rows, num_new, rows.size(1)}),
                       model_.config.num_attention_heads);  // [N, H, T, K]
  };
  at::Tensor rows = enter(model_, x.flatten(0, 1), tokens.positions.reshape(-1));  // [N*T, Dh]
  for (size_t i = 0; i < model_.layers.size(); ++i) {
    rows = run_layer(model_, model_.layers[i], rows,
                     [&](const at::Tensor& query, const at::Tensor& key, const at::Tensor& value) {
                       return attend_cached(cache(i), heads(query), heads(key), heads(value),
                                            tokens.mask)
                           .flatten(0, 1);
                     });
  }
  const at::Tensor last = rows.view({num_rows, num_new, -1}).select(1, num_new - 1);  // [N, Dh]
  return opt_logits(model_, leave(model_, last)).to(at::kFloat);
}

}  // namespace blip2
