// BLIP-2's second-stage model: from queries to the logits of a frozen language model.
#include "blip2/models/blip2/stage2.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/nonzero.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros_like.h>

#include <cmath>

#include "blip2/base/error.h"

namespace blip2 {

Stage2 make_stage2(const QFormerConfig& config, double image_norm_eps, int64_t language_width,
                   TextSide text) {
  return {make_layer_norm(config.encoder_hidden_size, image_norm_eps), make_qformer(config, text),
          make_linear(config.hidden_size, language_width)};
}

void visit(Stage2& model, const Visitor& visitor) {
  visit(model.image_norm, visitor.under("image_norm"));
  visit(model.qformer, visitor.under("qformer"));
  visit(model.language_projection, visitor.under("language_projection"));
}

void initialise_projection(Stage2& model, double embedding_std, Random& random) {
  const double width = static_cast<double>(model.qformer.config.hidden_size);
  initialise_normal(model.language_projection, embedding_std / std::sqrt(width), random);
}

at::Tensor query_output(const Stage2& model, const at::Tensor& image_embeds, const Dropout& rates) {
  const ImageKeyValues image = project_image(model.qformer, apply(model.image_norm, image_embeds));
  return encode_queries(model.qformer, image, rates).hidden;
}

at::Tensor query_output(const Stage2& model, const at::Tensor& image_embeds,
                        const Text& instructions, const Dropout& rates) {
  BLIP2_CHECK(image_embeds.size(0) == instructions.packing.batch);
  const int64_t most = model.qformer.config.max_position_embeddings;
  if (instructions.packing.length > most) {
    fail(ErrorCode::kInvalidArgument,
         "Q-Former: expected instructions of at most {} tokens, found {}", most,
         instructions.packing.length);
  }
  const ImageKeyValues image = project_image(model.qformer, apply(model.image_norm, image_embeds));
  return encode_joint(model.qformer, image, instructions, rates);
}

at::Tensor language_inputs(const Stage2& model, const at::Tensor& image_embeds,
                           const Dropout& rates) {
  return apply(model.language_projection, query_output(model, image_embeds, rates));
}

at::Tensor language_inputs(const Stage2& model, const at::Tensor& image_embeds,
                           const Text& instructions, const Dropout& rates) {
  return apply(model.language_projection, query_output(model, image_embeds, instructions, rates));
}

LanguageModelLogits language_model_logits(const CausalLanguageModel& language_model,
                                          const at::Tensor& inputs, const LanguageModelText& text) {
  BLIP2_CHECK(inputs.dim() == 3 && text.ids.size(0) == inputs.size(0));
  BLIP2_CHECK(text.ids.sizes() == text.mask.sizes() && text.ids.sizes() == text.targets.sizes());
  const int64_t batch = inputs.size(0), num_queries = inputs.size(1);
  const at::Tensor ones = at::ones({batch, num_queries}, text.mask.options());
  const Packing packing = pack(at::cat({ones, text.mask}, 1));  // over [B, Q + T]
  const at::Tensor embeds = at::cat({inputs, language_model.embed(text.ids)}, 1);
  const at::Tensor rows = language_model.hidden(to_packed(packing, embeds), packing);
  // The token at slot s is predicted by slot s - 1; a target in the text's first slot by the last
  // query.
  const at::Tensor wanted = at::cat({at::zeros_like(ones), text.targets * text.mask}, 1);
  const at::Tensor slots = wanted.reshape(-1).nonzero().reshape(-1);  // [M]
  const at::Tensor sources = packing.to_padded.index_select(0, slots - 1);
  const at::Tensor all_ids = at::cat({at::zeros_like(ones), text.ids}, 1);
  return {language_model.logits(gather_rows(rows, sources)),
          all_ids.reshape(-1).index_select(0, slots)};
}

LanguageModelLogits language_model_logits(const EncoderDecoderLanguageModel& language_model,
                                          const at::Tensor& inputs,
                                          const PrefixLanguageModelText& text) {
  BLIP2_CHECK(inputs.dim() == 3 && text.prefix_ids.size(0) == inputs.size(0));
  BLIP2_CHECK(text.prefix_ids.sizes() == text.prefix_mask.sizes());
  BLIP2_CHECK(text.target_ids.size(0) == inputs.size(0));
  BLIP2_CHECK(text.target_ids.sizes() == text.target_mask.sizes());
  const at::Tensor ones = at::ones({inputs.size(0), inputs.size(1)}, text.prefix_mask.options());
  const Packing source = pack(at::cat({ones, text.prefix_mask}, 1));  // over [B, Q + S]
  const at::Tensor embeds = at::cat({inputs, language_model.embed(text.prefix_ids)}, 1);
  const at::Tensor encoded = language_model.encode(to_packed(source, embeds), source);
  const Packing packing = pack(text.target_mask);  // over [B, T]
  const auto packed_ids = [&](const at::Tensor& ids) {
    return ids.reshape(-1).index_select(0, packing.to_packed);  // [M]
  };
  const at::Tensor read =
      language_model.embed(packed_ids(shift_right(text.target_ids, language_model.start_id())));
  const at::Tensor rows = language_model.hidden(read, packing, encoded, source);
  return {language_model.logits(rows), packed_ids(text.target_ids)};
}

LanguageModelLogits language_model_logits(const LanguageModel& language_model,
                                          const at::Tensor& inputs, const CaptionText& text) {
  if (const auto* prefix = std::get_if<PrefixLanguageModelText>(&text)) {
    const auto* model = dynamic_cast<const EncoderDecoderLanguageModel*>(&language_model);
    BLIP2_CHECK(model != nullptr);
    return language_model_logits(*model, inputs, *prefix);
  }
  const auto* model = dynamic_cast<const CausalLanguageModel*>(&language_model);
  BLIP2_CHECK(model != nullptr);
  return language_model_logits(*model, inputs, std::get<LanguageModelText>(text));
}

}  // namespace blip2
