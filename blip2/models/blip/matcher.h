// The first BLIP's retrieval model (Hugging Face's `BlipForImageTextRetrieval`) without its image
// encoder: how well a picture and a text fit, by cosine (ITC) and by a head over the image-grounded
// text (ITM).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "blip2/models/blip/text_model.h"

namespace blip2 {

struct BlipMatcher {
  BlipTextModel text_encoder;
  Linear vision_projection;  // [E, Dv]
  Linear text_projection;    // [E, D]
  Linear itm_head;           // [2, D]
};

/// `embed_dim`: E, Hugging Face's `image_text_hidden_size`, 256 in the published models.
BlipMatcher make_blip_matcher(const BlipTextConfig& config, int64_t embed_dim);
void visit(BlipMatcher& model, const Visitor& visitor);

/// ITC: the class token, projected, unit length. image_embeds [B, P, Dv], the encoder's output
/// after its `post_layernorm` -> [B, E].
at::Tensor image_features(const BlipMatcher& model, const at::Tensor& image_embeds);

/// ITC: the first token of the text alone, projected, unit length. [N, E]. Texts start with [CLS].
/// The cosines of all pairs are image_features x text_features^T; no temperature is kept.
at::Tensor text_features(const BlipMatcher& model, const Text& text);

/// ITM: logits (no, yes) of the texts and what they look at. [N, 2]. Hugging Face leaves [CLS] at
/// the texts' start; LAVIS puts [ENC] in its place, as the weights were trained.
at::Tensor match_logits(const BlipMatcher& model, const TextContext& images, const Text& text);

}  // namespace blip2
