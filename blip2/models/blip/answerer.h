// The first BLIP's question-answering model (Hugging Face's `BlipForQuestionAnswering`) without its
// image encoder: an image-grounded encoder reads the question, a decoder that looks at the question
// writes the answer or judges given ones.
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

/// The log-likelihood of each text under the decoder, all tokens but the first: [N]. With
/// `label_smoothing` e, a token counts (1 - e) times its log-probability and e times the mean
/// log-probability of the vocabulary.
at::Tensor log_likelihoods(const BlipTextDecoder& decoder, const TextContext& context,
                           const Text& texts, double label_smoothing);

struct RankOptions {
  int64_t num_candidates = 128;  ///< k: answers judged in full, at most
  double label_smoothing = 0.1;  ///< of the loss that the model was trained with
};

struct RankedAnswers {
  at::Tensor answers;  // [N, k] int64: rows of the answer list, the best first
  at::Tensor scores;   // [N, k]: log_likelihoods() of these
};

/// Judges a list of answers, ids and mask [A, T], right-padded, [DEC] first and [SEP] last, for
/// each of N questions: the k answers whose first word is the most probable, ordered by their
/// smoothed log-likelihood (LAVIS's `inference_method: rank`). No gradients.
RankedAnswers rank_answers(const BlipAnswerer& model, const TextContext& questions,
                           const at::Tensor& ids, const at::Tensor& mask,
                           const RankOptions& options = {});

}  // namespace blip2
