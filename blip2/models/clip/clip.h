// CLIP: a picture and a text each become one point of a joint space. Tensor names are those of
// Hugging Face's `CLIPModel`, which are ours. Inference only; no tokenizer, no image transform.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "blip2/models/language/clip_text.h"
#include "blip2/models/vision/vit.h"
#include "blip2/nn/linear.h"
#include "blip2/nn/module.h"

namespace blip2 {

/// Hugging Face's `CLIPConfig`; the text and the vision configuration are its `text_config` and
/// `vision_config`.
struct ClipConfig {
  ClipTextConfig text;
  VitConfig vision = clip_vit_config();
  int64_t projection_dim = 512;  ///< E
};

/// Throws kInvalidArgument where a field is out of range or fields disagree.
void validate(const ClipConfig& config);

struct Clip {
  ClipConfig config;
  ClipText text_model;
  Vit vision_model;
  Linear visual_projection;  // [E, Dv], no bias
  Linear text_projection;    // [E, D], no bias
  at::Tensor logit_scale;    // [], logarithm of what cosines are multiplied with
};

/// A model of the given shape, uninitialised. Throws as validate() does.
Clip make_clip(const ClipConfig& config);
void visit(Clip& model, const Visitor& visitor);

enum class FeatureLength {
  kUnit,       ///< L2 norm 1
  kProjected,  ///< as the projection gives them
};

/// pixels [B, 3, H, W] float32 -> [B, E], without a graph. Other sizes than image_size, and errors:
/// as encode() of the ViT.
at::Tensor image_features(const Clip& model, const at::Tensor& pixels,
                          FeatureLength length = FeatureLength::kUnit);

/// ids [B, T] int64, mask [B, T] of 0/1 or undefined -> [B, E], without a graph. Errors: as
/// clip_text_hidden().
at::Tensor text_features(const Clip& model, const at::Tensor& ids, const at::Tensor& mask = {},
                         FeatureLength length = FeatureLength::kUnit);

/// Cosine of every pair: features [N, E] and [M, E] of any length -> [N, M].
at::Tensor cosines(const at::Tensor& image_features, const at::Tensor& text_features);

/// exp(logit_scale) * cosines(): the logits whose softmax over texts is zero-shot classification
/// (Hugging Face's `logits_per_image`). -> [N, M].
at::Tensor similarity(const Clip& model, const at::Tensor& image_features,
                      const at::Tensor& text_features);

}  // namespace blip2
