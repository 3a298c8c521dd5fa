// The first BLIP's captioning model (Hugging Face's `BlipForConditionalGeneration`) without its
// image encoder.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>

#include "blip2/models/blip/text_decoder.h"

namespace blip2 {

struct BlipCaptioner {
  BlipTextDecoder text_decoder;
};

BlipCaptioner make_blip_captioner(const BlipTextConfig& config, OutputMatrix output);
void visit(BlipCaptioner& model, const Visitor& visitor);

/// Writes captions of pictures. image_embeds: [B, P, Dv], the encoder's output after its
/// `post_layernorm`; the prompt as BlipDecoder takes it, one row or several a picture. The model
/// must outlive the decoder.
std::unique_ptr<Decoder> decode_captions(const BlipCaptioner& model, const at::Tensor& image_embeds,
                                         const at::Tensor& prompt_ids,
                                         const at::Tensor& prompt_mask);

/// What the model expects of given captions, token by token; they start with [DEC].
NextTokens caption_tokens(const BlipCaptioner& model, const at::Tensor& image_embeds,
                          const Text& captions);

}  // namespace blip2
