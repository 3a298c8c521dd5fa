// CLIP's text model: its tensors and its pooled state.
#include "blip2/models/language/clip_text.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/index.h>
#include <ATen/ops/ones.h>

#include "blip2/base/error.h"
#include "blip2/base/shape_text.h"
#include "blip2/nn/masks.h"

namespace blip2 {
namespace {

/// `eos_token_id` of the files that were written before it was read: it names no token.
constexpr int64_t kUnreadEndToken = 2;

VitLayersConfig layers_config(const ClipTextConfig& config) {
  return {.hidden_size = config.hidden_size,
          .intermediate_size = config.intermediate_size,
          .num_hidden_layers = config.num_hidden_layers,
          .num_attention_heads = config.num_attention_heads,
          .hidden_act = config.hidden_act,
          .layer_norm_eps = config.layer_norm_eps,
          .layout = VitLayout::kClip};
}

void check_text(const ClipTextConfig& config, const at::Tensor& ids, const at::Tensor& mask) {
  if (ids.dim() != 2 || ids.size(0) < 1 || ids.size(1) < 1 ||
      ids.size(1) > config.max_position_embeddings || ids.scalar_type() != at::kLong) {
    fail(ErrorCode::kInvalidArgument,
         "CLIP: expected ids of [B, T] int64 with 1 to {} tokens, found {} {}",
         config.max_position_embeddings, shape_text(ids.sizes().vec()),
         at::toString(ids.scalar_type()));
  }
  if (mask.defined() && mask.sizes() != ids.sizes()) {
    fail(ErrorCode::kInvalidArgument, "CLIP: expected a mask of {}, found {}",
         shape_text(ids.sizes().vec()), shape_text(mask.sizes().vec()));
  }
}

/// After the last layer, before the final norm: [B, T, D].
at::Tensor run(const ClipText& model, const at::Tensor& ids, const at::Tensor& mask) {
  check_text(model.config, ids, mask);
  const int64_t length = ids.size(1);
  const at::Tensor positions = widened(model.position_embedding.weight.narrow(0, 0, length));
  const at::Tensor x = apply(model.token_embedding, ids) + positions;  // [B, T, D]
  const at::Tensor seen = mask.defined() ? mask : at::ones({1, length}, x.options());
  return run_layers(model.encoder, x, causal_mask(seen, length));
}

}  // namespace

void validate(const ClipTextConfig& config) {
  constexpr int64_t kLargest = int64_t{1} << 24;
  const std::string where = "CLIP text configuration";
  validate(layers_config(config), where);
  require_range(where, "vocab_size", config.vocab_size, 1, kLargest);
  require_range(where, "max_position_embeddings", config.max_position_embeddings, 1, kLargest);
}

ClipText make_clip_text(const ClipTextConfig& config) {
  validate(config);
  ClipText model;
  model.config = config;
  model.token_embedding = make_embedding(config.vocab_size, config.hidden_size);
  model.position_embedding = make_embedding(config.max_position_embeddings, config.hidden_size);
  model.encoder = make_vit_layers(layers_config(config));
  model.final_layer_norm = make_layer_norm(config.hidden_size, config.layer_norm_eps);
  return model;
}

void visit(ClipText& model, const Visitor& visitor) {
  const Visitor embeddings = visitor.under("embeddings");
  visit(model.token_embedding, embeddings.under("token_embedding"));
  visit(model.position_embedding, embeddings.under("position_embedding"));
  visit(model.encoder, visitor.under("encoder"));
  visit(model.final_layer_norm, visitor.under("final_layer_norm"));
}

at::Tensor clip_text_hidden(const ClipText& model, const at::Tensor& ids, const at::Tensor& mask) {
  const at::NoGradGuard no_grad;
  return apply(model.final_layer_norm, run(model, ids, mask));
}

at::Tensor end_positions(const ClipTextConfig& config, const at::Tensor& ids) {
  if (config.eos_token_id == kUnreadEndToken) return ids.argmax(-1);
  return (ids == config.eos_token_id).to(at::kInt).argmax(-1);
}

at::Tensor clip_text_pooled(const ClipText& model, const at::Tensor& ids, const at::Tensor& mask) {
  const at::NoGradGuard no_grad;
  const at::Tensor tokens = run(model, ids, mask);
  const at::Tensor rows = at::arange(ids.size(0), ids.options());
  return apply(model.final_layer_norm, at::index(tokens, {rows, end_positions(model.config, ids)}));
}

}  // namespace blip2
