// The first BLIP's question-answering model (Hugging Face's `BlipForQuestionAnswering`) without its
// image encoder: an image-grounded encoder reads the question, and a decoder that looks at the
// question writes the answer.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>

#include "blip2/models/blip/text_decoder.h"

namespace blip2 {

struct BlipAnswerer {
  BlipTextModel text_encoder;    ///< looks at the picture
  BlipTextDecoder text_decoder;  ///< looks at the question's states: they are D wide
};

/// `config` is the encoder's; the decoder's differs in its encoder_hidden_size, which is
/// hidden_size.
BlipAnswerer make_blip_answerer(const BlipTextConfig& config, OutputMatrix output);
void visit(BlipAnswerer& model, const Visitor& visitor);

/// Questions as an answer sees them. image_embeds [B, P, Dv], the encoder's output after its
/// `post_layernorm`; N questions, a multiple of B: N/B of them, one after another, about each
/// picture. Questions are [CLS] ... [SEP] in Hugging Face; LAVIS puts [ENC] in [CLS]'s place, as
/// the weights were trained. Padding is seen by no answer; transformers 4.57 shows it to the
/// answers of a batch, where ours are those of each question alone.
TextContext read_questions(const BlipAnswerer& model, const at::Tensor& image_embeds,
                           const Text& questions);

/// Writes an answer to each of N questions, from [DEC] (`bos_token_id`) to [SEP]. The model must
/// outlive the decoder.
std::unique_ptr<Decoder> decode_answers(const BlipAnswerer& model, TextContext questions);

}  // namespace blip2
