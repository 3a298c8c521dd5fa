// BLIP's captioner: its tensors, and the decoder that continues a picture and a prompt.
#include "blip2/models/blip/captioner.h"

#include <ATen/core/grad_mode.h>

namespace blip2 {

BlipCaptioner make_blip_captioner(const BlipTextConfig& config, OutputMatrix output) {
  return {make_blip_text_decoder(config, output)};
}

void visit(BlipCaptioner& model, const Visitor& visitor) {
  visit(model.text_decoder, visitor.under("text_decoder"));
}

std::unique_ptr<Decoder> decode_captions(const BlipCaptioner& model, const at::Tensor& image_embeds,
                                         const at::Tensor& prompt_ids,
                                         const at::Tensor& prompt_mask) {
  const at::NoGradGuard no_grad;
  return std::make_unique<BlipDecoder>(model.text_decoder,
                                       project_context(model.text_decoder.text, image_embeds),
                                       prompt_ids, prompt_mask);
}

NextTokens caption_tokens(const BlipCaptioner& model, const at::Tensor& image_embeds,
                          const Text& captions) {
  return next_tokens(model.text_decoder, captions,
                     project_context(model.text_decoder.text, image_embeds));
}

}  // namespace blip2
