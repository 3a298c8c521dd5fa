// BLIP-2's first-stage model: a Q-Former between a frozen image encoder and text, with the heads of
// its three objectives (section 3.2). It computes features and logits; losses, negatives and ranks
// live in train/.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "blip2/models/blip2/qformer.h"

namespace blip2 {

struct Stage1Config {
  QFormerConfig qformer;
  int64_t embed_dim = 256;       ///< E, the joint width of image and text features
  double image_norm_eps = 1e-6;  ///< LAVIS 1e-5, Hugging Face 1e-6
};

struct Stage1 {
  Stage1Config config;
  LayerNorm image_norm;  ///< over the encoder's raw output; trainable (LAVIS `ln_vision`)
  QFormer qformer;
  Linear vision_projection;  // [E, D]
  Linear text_projection;    // [E, D]
  Linear itm_head;           // [2, D]
  BertLmHead lm_head;
  at::Tensor temperature;  // [] divides the similarities; starts at 0.07, never clamped
};

Stage1 make_stage1(const Stage1Config& config);
void visit(Stage1& model, const Visitor& visitor);
/// Everything at random; a BERT or a checkpoint is loaded over it.
void initialise(Stage1& model, Random& random);

/// What the passes of a step share about the images of a batch.
struct ImageFeatures {
  at::Tensor embeds;  // [B, P, Dv], after the layer norm
  ImageKeyValues key_values;
  QueryPass queries;
  at::Tensor projected;  // [B, Q, E], unit length
};

/// image_embeds: the encoder's raw output [B, P, Dv].
ImageFeatures encode_image(const Stage1& model, const at::Tensor& image_embeds,
                           const Dropout& dropout = {});

/// The text's feature: [CLS], projected, unit length. [B, E]. ids start with [CLS].
at::Tensor encode_text(const Stage1& model, const Text& text, const Dropout& dropout = {});

/// Matching logits [B, 2] (no, yes): the two-class head averaged over the queries (not over
/// probabilities).
at::Tensor match_logits(const Stage1& model, const ImageKeyValues& image, const Text& text,
                        const Dropout& dropout = {});

struct GenerationLogits {
  at::Tensor logits;   // [M, V]: one row for each next token that exists
  at::Tensor targets;  // [M] int64
};

/// Image-grounded generation: logits where there is a target, and nowhere else. `text` starts with
/// [CLS], which is replaced by `dec_id`; [SEP] stays and is the learned end.
GenerationLogits generation_logits(const Stage1& model, const QueryPass& queries, const Text& text,
                                   int64_t dec_id, const Dropout& dropout = {});

/// Cosine of the best query: image [B, Q, E] x text [N, E] -> [B, N]. Not divided by the
/// temperature.
at::Tensor best_query_similarity(const at::Tensor& image, const at::Tensor& text);

}  // namespace blip2
