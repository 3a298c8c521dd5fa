#include "blip2/models/blip/answerer.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/full.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/sort.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/base/limits.h"

namespace blip2 {
namespace {

/// [DEC] for each of the questions: [N, 1].
at::Tensor start_ids(const BlipTextModel& text, const TextContext& questions) {
  const at::TensorOptions options = questions.layers.front().key.options().dtype(at::kLong);
  return at::full({questions.size(), 1}, text.config.bos_token_id, options);
}

/// The rows of `ids` and `mask`, without columns that are padding in all of them.
Text some_texts(const at::Tensor& ids, const at::Tensor& mask, const at::Tensor& rows) {
  const at::Tensor chosen = at::index_select(mask, 0, rows);
  const int64_t longest = chosen.sum(1).max().item<int64_t>();
  return pack_text(at::index_select(ids, 0, rows).narrow(1, 0, longest),
                   chosen.narrow(1, 0, longest));
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

at::Tensor log_likelihoods(const BlipTextDecoder& decoder, const TextContext& context,
                           const Text& texts, double label_smoothing) {
  const NextTokens next = next_tokens(decoder, texts, context);
  const at::Tensor log_probabilities = at::log_softmax(next.logits, -1);  // [M, V]
  const at::Tensor of_targets =
      log_probabilities.gather(1, next.targets.unsqueeze(1)).squeeze(1);  // [M]
  const at::Tensor of_tokens =
      of_targets * (1.0 - label_smoothing) + log_probabilities.mean(1) * label_smoothing;
  return at::zeros({texts.packing.batch}, of_tokens.options()).index_add(0, next.texts, of_tokens);
}

RankedAnswers rank_answers(const BlipAnswerer& model, const TextContext& questions,
                           const at::Tensor& ids, const at::Tensor& mask,
                           const RankOptions& options) {
  if (ids.dim() != 2 || ids.sizes() != mask.sizes() || ids.size(0) == 0 || ids.size(1) < 2) {
    fail(ErrorCode::kInvalidArgument,
         "BLIP: answers: expected ids and mask [A, T] of the same shape, T at least 2");
  }
  require_within("BLIP", "num_candidates", options.num_candidates, at_least(1));
  const at::NoGradGuard no_grad;
  const int64_t num_kept = std::min(options.num_candidates, ids.size(0));
  const at::Tensor first_logits = decode_answers(model, questions)->start();        // [N, V]
  const at::Tensor of_first = at::index_select(first_logits, 1, ids.select(1, 1));  // [N, A]
  // A stable sort: of answers with the same first word, the earlier ones are kept.
  const at::Tensor candidates =
      std::get<1>(at::sort(of_first, std::optional<bool>(true), 1, true)).narrow(1, 0, num_kept);
  std::vector<at::Tensor> answers, scores;
  for (int64_t i = 0; i < questions.size(); ++i) {  // one by one: k x T rows of V logits each
    const TextContext question = select_rows(questions, at::full({1}, i, candidates.options()));
    const Text texts = some_texts(ids, mask, candidates[i]);
    const auto [sorted, order] =
        at::sort(log_likelihoods(model.text_decoder, question, texts, options.label_smoothing),
                 std::optional<bool>(true), -1, true);
    answers.push_back(at::index_select(candidates[i], 0, order));
    scores.push_back(sorted);
  }
  return {at::stack(answers), at::stack(scores)};
}

}  // namespace blip2
