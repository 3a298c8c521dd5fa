// BLIP-2's first-stage model, pass by pass: image, text, matching, generation.
#include "blip2/models/blip2/stage1.h"

#include <ATen/ops/matmul.h>
#include <ATen/ops/max.h>
#include <ATen/ops/nonzero.h>
#include <ATen/ops/where.h>

#include "blip2/base/error.h"
#include "blip2/nn/autocast.h"
#include "blip2/nn/norm.h"

namespace blip2 {

Stage1 make_stage1(const Stage1Config& config) {
  const QFormerConfig& qformer = config.qformer;
  Stage1 model;
  model.config = config;
  model.image_norm = make_layer_norm(qformer.encoder_hidden_size, config.image_norm_eps);
  model.qformer = make_qformer(qformer, TextSide::kPresent);
  model.vision_projection = make_linear(qformer.hidden_size, config.embed_dim);
  model.text_projection = make_linear(qformer.hidden_size, config.embed_dim);
  model.itm_head = make_linear(qformer.hidden_size, 2);
  model.lm_head =
      make_bert_lm_head(qformer.hidden_size, qformer.vocab_size, qformer.layer_norm_eps);
  model.temperature = empty_parameter({});
  return model;
}

void visit(Stage1& model, const Visitor& visitor) {
  visit(model.image_norm, visitor.under("image_norm"));
  visit(model.qformer, visitor.under("qformer"));
  visit(model.vision_projection, visitor.under("vision_projection"));
  visit(model.text_projection, visitor.under("text_projection"));
  visit(model.itm_head, visitor.under("itm_head"));
  visit(model.lm_head, visitor.under("lm_head"));
  visitor("temperature", model.temperature);
}

void initialise(Stage1& model, Random& random) {
  initialise(model.image_norm);
  initialise(model.qformer, random);
  initialise_default(model.vision_projection, random);
  initialise_default(model.text_projection, random);
  initialise_default(model.itm_head, random);
  initialise(model.lm_head, model.config.qformer.initializer_range, random);
  model.temperature.fill_(0.07);
}

ImageFeatures encode_image(const Stage1& model, const at::Tensor& image_embeds,
                           const Dropout& rates) {
  ImageFeatures features;
  features.embeds = apply(model.image_norm, image_embeds);
  features.key_values = project_image(model.qformer, features.embeds);
  features.queries = encode_queries(model.qformer, features.key_values, rates);
  features.projected = normalize(apply(model.vision_projection, features.queries.hidden));
  return features;
}

at::Tensor encode_text(const Stage1& model, const Text& text, const Dropout& rates) {
  const at::Tensor rows = encode_text(model.qformer, text, rates);               // [R, D]
  const at::Tensor first = (text.packing.positions == 0).nonzero().reshape(-1);  // [B]
  return normalize(apply(model.text_projection, gather_rows(rows, first)));
}

at::Tensor match_logits(const Stage1& model, const ImageKeyValues& image, const Text& text,
                        const Dropout& rates) {
  const at::Tensor queries = encode_joint(model.qformer, image, text, rates);  // [B, Q, D]
  return widened(apply(model.itm_head, queries)).mean(1);                      // [B, 2]
}

GenerationLogits generation_logits(const Stage1& model, const QueryPass& queries, const Text& text,
                                   int64_t dec_id, const Dropout& rates) {
  const at::Tensor& positions = text.packing.positions;
  const Text decoded{at::where(positions == 0, dec_id, text.ids), text.packing};
  const at::Tensor rows = encode_causal(model.qformer, queries.cache, decoded, rates);  // [R, D]
  const int64_t last = positions.size(0) - 1;
  const at::Tensor has_next = (positions.narrow(0, 1, last) != 0).nonzero().reshape(-1);  // [M]
  const at::Tensor logits =
      apply(model.lm_head, gather_rows(rows, has_next), model.qformer.word_embeddings->weight);
  return {widened(logits), text.ids.index_select(0, has_next + 1)};
}

at::Tensor best_query_similarity(const at::Tensor& image, const at::Tensor& text) {
  BLIP2_CHECK(image.dim() == 3 && text.dim() == 2 && image.size(2) == text.size(1));
  const Autocast exact(Arithmetic::kFloat32);  // a temperature divides what is rounded here
  const at::Tensor cosines = at::matmul(image, text.t());  // [B, Q, N]
  return std::get<0>(at::max(cosines, 1));  // the gradient goes to the best query alone
}

}  // namespace blip2
