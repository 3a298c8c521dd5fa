// CLIP: both features, and the similarities between them.
#include "blip2/models/clip/clip.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/matmul.h>

#include "blip2/base/error.h"
#include "blip2/nn/norm.h"

namespace blip2 {
namespace {

at::Tensor project(const Linear& projection, const at::Tensor& pooled, FeatureLength length) {
  const at::Tensor projected = apply(projection, pooled);  // [B, E]
  return length == FeatureLength::kUnit ? normalize(projected) : projected;
}

}  // namespace

void validate(const ClipConfig& config) {
  validate(config.text);
  validate(config.vision);
  require_range("CLIP configuration", "projection_dim", config.projection_dim, 1, int64_t{1} << 24);
}

Clip make_clip(const ClipConfig& config) {
  validate(config);
  BLIP2_CHECK(config.vision.layout == VitLayout::kClip && config.vision.has_post_layernorm);
  Clip model;
  model.config = config;
  model.text_model = make_clip_text(config.text);
  model.vision_model = make_vit(config.vision);
  model.visual_projection =
      make_linear(config.vision.hidden_size, config.projection_dim, Bias::kNone);
  model.text_projection = make_linear(config.text.hidden_size, config.projection_dim, Bias::kNone);
  model.logit_scale = empty_parameter({});
  return model;
}

void visit(Clip& model, const Visitor& visitor) {
  visit(model.text_model, visitor.under("text_model"));
  visit(model.vision_model, visitor.under("vision_model"));
  visit(model.visual_projection, visitor.under("visual_projection"));
  visit(model.text_projection, visitor.under("text_projection"));
  visitor("logit_scale", model.logit_scale);
}

at::Tensor image_features(const Clip& model, const at::Tensor& pixels, FeatureLength length) {
  const at::NoGradGuard no_grad;
  const Vit& vision = model.vision_model;
  return project(model.visual_projection, normed_class(vision, encode(vision, pixels)), length);
}

at::Tensor text_features(const Clip& model, const at::Tensor& ids, const at::Tensor& mask,
                         FeatureLength length) {
  const at::NoGradGuard no_grad;
  return project(model.text_projection, clip_text_pooled(model.text_model, ids, mask), length);
}

at::Tensor cosines(const at::Tensor& image_features, const at::Tensor& text_features) {
  BLIP2_CHECK(image_features.dim() == 2 && text_features.dim() == 2 &&
              image_features.size(1) == text_features.size(1));
  return at::matmul(normalize(image_features), normalize(text_features).transpose(0, 1));
}

at::Tensor similarity(const Clip& model, const at::Tensor& image_features,
                      const at::Tensor& text_features) {
  const at::NoGradGuard no_grad;
  return widened(model.logit_scale).exp() * cosines(image_features, text_features);
}

}  // namespace blip2
