// The parts of BLIP's question-answering model, and how an answer starts.
#include "blip2/models/blip/answerer.h"

#include <ATen/ops/full.h>

#include <utility>

namespace blip2 {
namespace {

/// [DEC] for each of the questions: [N, 1].
at::Tensor start_ids(const BlipTextModel& text, const TextContext& questions) {
  const at::TensorOptions options = questions.layers.front().key.options().dtype(at::kLong);
  return at::full({questions.size(), 1}, text.config.bos_token_id, options);
}

}  // namespace

BlipAnswerer make_blip_answerer(const BlipTextConfig& config, OutputMatrix output) {
  BlipTextConfig decoder = config;
  decoder.encoder_hidden_size = config.hidden_size;
  return {make_blip_text_model(config), make_blip_text_decoder(decoder, output)};
}

void visit(BlipAnswerer& model, const Visitor& visitor) {
  visit(model.text_encoder, visitor.under("text_encoder"));
  visit(model.text_decoder, visitor.under("text_decoder"));
}

TextContext read_questions(const BlipAnswerer& model, const at::Tensor& image_embeds,
                           const Text& questions) {
  const at::Tensor states = encode_grounded_text(
      model.text_encoder, questions, project_context(model.text_encoder, image_embeds));  // [R, D]
  return project_context(model.text_decoder.text, to_padded(questions.packing, states),
                         questions.packing.mask);
}

std::unique_ptr<Decoder> decode_answers(const BlipAnswerer& model, TextContext questions) {
  const at::Tensor prompt = start_ids(model.text_decoder.text, questions);
  return std::make_unique<BlipDecoder>(model.text_decoder, std::move(questions), prompt,
                                       at::Tensor());
}

}  // namespace blip2
