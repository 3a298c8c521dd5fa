// The first BLIP as a whole but for its image encoder: one of its three models, and the layer norm
// behind the encoder.
#pragma once

#include <variant>

#include "blip2/models/blip/answerer.h"
#include "blip2/models/blip/captioner.h"
#include "blip2/models/blip/matcher.h"
#include "blip2/nn/norm.h"

namespace blip2 {

struct Blip {
  LayerNorm image_norm;  ///< Hugging Face's `vision_model.post_layernorm`
  std::variant<BlipCaptioner, BlipMatcher, BlipAnswerer> model;
};

}  // namespace blip2
