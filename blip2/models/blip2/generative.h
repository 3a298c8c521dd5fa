// BLIP-2's second-stage model with a decoder-only language model: the queries' output, carried by
// one linear layer into the language model's embeddings, is a soft visual prompt in front of the
// text (section 3.3, Fig. 3). InstructBLIP's Q-Former also reads the instruction (InstructBLIP
// section 2.3, Fig. 3).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "blip2/models/blip2/qformer.h"
#include "blip2/models/language/causal_language_model.h"

namespace blip2 {

/// The trained half: everything between the frozen encoder and the frozen language model.
struct Generative {
  LayerNorm image_norm;
  QFormer qformer;             ///< without its text side, which InstructBLIP alone has
  Linear language_projection;  // [Dl, D]
};

Generative make_generative(const QFormerConfig& config, double image_norm_eps,
                           int64_t language_width, TextSide text = TextSide::kAbsent);
void visit(Generative& model, const Visitor& visitor);
/// A fresh projection whose outputs have about the language model's embedding scale: layer-normed
/// rows have unit variance, so weights N(0, embedding_std / sqrt(D)), bias 0.
void initialise_projection(Generative& model, double embedding_std, Random& random);

/// image_embeds: the encoder's raw output [B, P, Dv] -> the Q-Former's output [B, Q, D].
at::Tensor query_output(const Generative& model, const at::Tensor& image_embeds,
                        const Dropout& dropout = {});

/// The same with the instructions beside the queries, as InstructBLIP has it: one of [CLS] ...
/// [SEP] for each picture, in the Q-Former's own words. The model has its text side. Throws
/// kInvalidArgument for an instruction that is longer than the Q-Former's positions.
at::Tensor query_output(const Generative& model, const at::Tensor& image_embeds,
                        const Text& instructions, const Dropout& dropout = {});

/// image_embeds: the encoder's raw output [B, P, Dv] -> language_inputs [B, Q, Dl].
at::Tensor language_inputs(const Generative& model, const at::Tensor& image_embeds,
                           const Dropout& dropout = {});
at::Tensor language_inputs(const Generative& model, const at::Tensor& image_embeds,
                           const Text& instructions, const Dropout& dropout = {});

/// Texts for the language-modelling loss: right-padded ids [B, T], mask [B, T], and `targets` [B,
/// T] with 1 where the token carries a loss (prompt and start token 0, see command_line.md).
struct LanguageModelText {
  at::Tensor ids, mask, targets;
};

struct LanguageModelLogits {
  at::Tensor logits;   // [M, V]
  at::Tensor targets;  // [M] int64
};

/// [queries][text] through the frozen language model; logits where there is a target, and nowhere
/// else. A target in the first text position is predicted by the last query.
LanguageModelLogits language_model_logits(const CausalLanguageModel& language_model,
                                          const at::Tensor& language_inputs,
                                          const LanguageModelText& text);

}  // namespace blip2
