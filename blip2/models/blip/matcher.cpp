// BLIP's matcher: features of pictures and texts, and matching logits.
#include "blip2/models/blip/matcher.h"

#include "blip2/base/error.h"
#include "blip2/base/limits.h"

namespace blip2 {

BlipMatcher make_blip_matcher(const BlipTextConfig& config, int64_t embed_dim) {
  require_within("BLIP configuration", "image_text_hidden_size", embed_dim, between(1, 1 << 24));
  return {make_blip_text_model(config), make_linear(config.encoder_hidden_size, embed_dim),
          make_linear(config.hidden_size, embed_dim), make_linear(config.hidden_size, 2)};
}

void visit(BlipMatcher& model, const Visitor& visitor) {
  visit(model.text_encoder, visitor.under("text_encoder"));
  visit(model.vision_projection, visitor.under("vision_projection"));
  visit(model.text_projection, visitor.under("text_projection"));
  visit(model.itm_head, visitor.under("itm_head"));
}

at::Tensor image_features(const BlipMatcher& model, const at::Tensor& image_embeds) {
  const int64_t width = model.text_encoder.config.encoder_hidden_size;
  if (image_embeds.dim() != 3 || image_embeds.size(2) != width) {
    fail(ErrorCode::kInvalidArgument,
         "BLIP: image_embeds: expected [B, P, {}], found {} dimensions, {} wide", width,
         image_embeds.dim(), image_embeds.size(-1));
  }
  return normalize(apply(model.vision_projection, image_embeds.select(1, 0)));
}

at::Tensor text_features(const BlipMatcher& model, const Text& text) {
  const at::Tensor first = first_rows(text, encode_text(model.text_encoder, text));
  return normalize(apply(model.text_projection, first));
}

at::Tensor match_logits(const BlipMatcher& model, const TextContext& images, const Text& text) {
  const at::Tensor rows = encode_grounded_text(model.text_encoder, text, images);
  return apply(model.itm_head, first_rows(text, rows));
}

}  // namespace blip2
