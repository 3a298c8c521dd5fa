// Scores given texts together: all texts are rows of one decoder, and each step feeds every row the
// next token of its text.
#include "blip2/generate/rank.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/log_softmax.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "blip2/base/error.h"
#include "blip2/nn/token_batch.h"

namespace blip2 {
namespace {

/// The part of a score that each of `tokens` adds, predicted by its row of logits [M, V].
std::vector<double> token_scores(const at::Tensor& logits, const std::vector<int64_t>& tokens,
                                 double label_smoothing) {
  const at::Tensor log_probabilities = at::log_softmax(logits, -1);  // [M, V]
  const at::Tensor targets = to_tensor(tokens, logits.device()).unsqueeze(1);
  at::Tensor scores = log_probabilities.gather(1, targets).squeeze(1);  // [M]
  if (label_smoothing > 0) {
    scores = scores * (1.0 - label_smoothing) + log_probabilities.mean(1) * label_smoothing;
  }
  scores = scores.to(at::kCPU, at::kDouble).contiguous();
  const double* values = scores.const_data_ptr<double>();
  return {values, values + scores.numel()};
}

/// Adds what the first token of every text scores, which are all predicted by one row [1, V].
std::vector<RankedText> score_first_tokens(const at::Tensor& logits, const RankRequest& request) {
  std::vector<int64_t> tokens;
  for (const std::vector<int64_t>& text : request.texts) tokens.push_back(text.at(0));
  const std::vector<double> scores =
      token_scores(logits.expand({static_cast<int64_t>(tokens.size()), logits.size(1)}), tokens,
                   request.label_smoothing);
  std::vector<RankedText> ranked;
  for (size_t i = 0; i < scores.size(); ++i) ranked.push_back({i, scores[i]});
  return ranked;
}

void sort_best_first(std::vector<RankedText>& ranked) {
  for (const RankedText& one : ranked) {
    if (!std::isfinite(one.score)) fail(ErrorCode::kInternal, "the model gives no numbers");
  }
  std::ranges::stable_sort(ranked, [](const RankedText& a, const RankedText& b) {
    return a.score != b.score ? a.score > b.score : a.text < b.text;
  });
}

}  // namespace

std::vector<RankedText> rank_texts(Decoder& decoder, const RankRequest& request) {
  BLIP2_CHECK(!request.texts.empty() && request.num_scored >= 1);
  const at::NoGradGuard no_grad;
  const at::Tensor first_logits = decoder.start();  // [1, V]
  BLIP2_CHECK(first_logits.size(0) == 1);
  std::vector<RankedText> ranked = score_first_tokens(first_logits, request);
  sort_best_first(ranked);
  ranked.resize(std::min(ranked.size(), static_cast<size_t>(request.num_scored)));
  std::vector<size_t> going(ranked.size());  // rows of the decoder: places in `ranked`
  std::iota(going.begin(), going.end(), size_t{0});
  std::vector<int64_t> rows(ranked.size(), 0);  // which of the decoder's rows each continues
  for (size_t position = 1;; ++position) {
    std::vector<size_t> next_going;
    std::vector<int64_t> next_rows, ids, targets;
    for (size_t i = 0; i < going.size(); ++i) {
      const std::vector<int64_t>& text = request.texts[ranked[going[i]].text];
      if (position >= text.size()) continue;  // scored to its end
      next_going.push_back(going[i]);
      next_rows.push_back(rows[i]);
      ids.push_back(text[position - 1]);
      targets.push_back(text[position]);
    }
    if (next_going.empty()) break;
    decoder.select(to_tensor(next_rows, first_logits.device()));
    const std::vector<double> scores = token_scores(
        decoder.step(to_tensor(ids, first_logits.device())), targets, request.label_smoothing);
    for (size_t i = 0; i < scores.size(); ++i) ranked[next_going[i]].score += scores[i];
    going = std::move(next_going);
    rows.resize(going.size());
    std::iota(rows.begin(), rows.end(), int64_t{0});
  }
  sort_best_first(ranked);
  return ranked;
}

}  // namespace blip2
