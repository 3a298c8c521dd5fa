// BLIP-2's second-stage model: the queries' output, carried by one linear layer into the language
// model's embeddings, is a soft visual prompt in front of the text, of a decoder-only language
// model or of an encoder-decoder's encoder (section 3.3, Fig. 3). InstructBLIP's Q-Former also
// reads the instruction (InstructBLIP section 2.3, Fig. 3).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <variant>

#include "blip2/models/blip2/qformer.h"
#include "blip2/models/language/causal_language_model.h"
#include "blip2/models/language/encoder_decoder_language_model.h"

namespace blip2 {

/// The trained half: everything between the frozen encoder and the frozen language model.
struct Stage2 {
  LayerNorm image_norm;
  QFormer qformer;             ///< without its text side, which InstructBLIP alone has
  Linear language_projection;  // [Dl, D]
};

Stage2 make_stage2(const QFormerConfig& config, double image_norm_eps, int64_t language_width,
                   TextSide text = TextSide::kAbsent);
void visit(Stage2& model, const Visitor& visitor);
/// A fresh projection whose outputs have about the language model's embedding scale: layer-normed
/// rows have unit variance, so weights N(0, embedding_std / sqrt(D)), bias 0.
void initialise_projection(Stage2& model, double embedding_std, Random& random);

/// image_embeds: the encoder's raw output [B, P, Dv] -> the Q-Former's output [B, Q, D].
at::Tensor query_output(const Stage2& model, const at::Tensor& image_embeds,
                        const Dropout& dropout = {});

/// The same with the instructions beside the queries, as InstructBLIP has it: one of [CLS] ...
/// [SEP] for each picture, in the Q-Former's own words. The model has its text side. Throws
/// kInvalidArgument for an instruction that is longer than the Q-Former's positions.
at::Tensor query_output(const Stage2& model, const at::Tensor& image_embeds,
                        const Text& instructions, const Dropout& dropout = {});

/// image_embeds: the encoder's raw output [B, P, Dv] -> language_inputs [B, Q, Dl].
at::Tensor language_inputs(const Stage2& model, const at::Tensor& image_embeds,
                           const Dropout& dropout = {});
at::Tensor language_inputs(const Stage2& model, const at::Tensor& image_embeds,
                           const Text& instructions, const Dropout& dropout = {});

/// Texts for the language-modelling loss: right-padded ids [B, T], mask [B, T], and `targets` [B,
/// T] with 1 where the token carries a loss: not the prompt; the start token where there is no
/// prompt (docs/training.md, "Stage 2 by language model").
struct LanguageModelText {
  at::Tensor ids, mask, targets;
};

/// Texts for the prefix language-modelling loss of an encoder-decoder, right-padded: its encoder
/// reads the prefix [B, S], its decoder is taught the target [B, T], every token of it.
struct PrefixLanguageModelText {
  at::Tensor prefix_ids, prefix_mask;
  at::Tensor target_ids, target_mask;
};

/// Texts for either kind of language model.
using CaptionText = std::variant<LanguageModelText, PrefixLanguageModelText>;

struct LanguageModelLogits {
  at::Tensor logits;   // [M, V]
  at::Tensor targets;  // [M] int64
};

/// [queries][text] through the frozen language model; logits where there is a target, and nowhere
/// else. A target in the first text position is predicted by the last query.
LanguageModelLogits language_model_logits(const CausalLanguageModel& language_model,
                                          const at::Tensor& language_inputs,
                                          const LanguageModelText& text);

/// [queries][prefix] through the frozen encoder, the target through the decoder; logits of all its
/// tokens.
LanguageModelLogits language_model_logits(const EncoderDecoderLanguageModel& language_model,
                                          const at::Tensor& language_inputs,
                                          const PrefixLanguageModelText& text);

/// Either of the two: `text` must be of the language model's kind.
LanguageModelLogits language_model_logits(const LanguageModel& language_model,
                                          const at::Tensor& language_inputs,
                                          const CaptionText& text);

}  // namespace blip2
