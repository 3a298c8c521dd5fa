// The changes of scores, row by row.
#include "blip2/generate/processors.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>

namespace blip2 {
namespace {

constexpr float kForbidden = -std::numeric_limits<float>::infinity();

/// Ids come from prompts too; one outside the vocabulary (a picture's placeholder) has no score.
bool has_score(std::span<const float> scores, int64_t id) {
  return id >= 0 && id < static_cast<int64_t>(scores.size());
}

}  // namespace

Processors::Processors(const GenerationOptions& options, std::vector<int64_t> eos_ids)
    : options_(options), eos_ids_(std::move(eos_ids)) {
  // A beam needs a token to continue with, even if every end token is among the best.
  if (options.num_beams > 1) {
    min_tokens_to_keep_ = eos_ids_.empty() ? 2 : static_cast<int64_t>(eos_ids_.size()) + 1;
  }
}

bool Processors::empty() const {
  const bool ends_blocked = options_.min_length > 0 || options_.min_new_tokens.value_or(0) > 0;
  return options_.repetition_penalty == 1.0 && options_.no_repeat_ngram_size == 0 &&
         (!ends_blocked || eos_ids_.empty()) && !options_.do_sample;
}

void Processors::apply(std::span<float> scores, const TokenHistory& history) const {
  if (options_.repetition_penalty != 1.0) penalise_repetition(scores, history.ids);
  if (options_.no_repeat_ngram_size > 0) block_ngrams(scores, history.ids);
  block_end(scores, history);
  if (!options_.do_sample) return;
  if (options_.temperature != 1.0) apply_temperature(scores, options_.temperature);
  if (options_.top_k > 0) apply_top_k(scores, std::max(options_.top_k, min_tokens_to_keep_));
  if (options_.top_p < 1.0) apply_top_p(scores, options_.top_p, min_tokens_to_keep_);
}

void Processors::penalise_repetition(std::span<float> scores, std::span<const int64_t> ids) const {
  std::vector<int64_t> distinct(ids.begin(), ids.end());
  std::sort(distinct.begin(), distinct.end());
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  const float penalty = static_cast<float>(options_.repetition_penalty);
  for (const int64_t id : distinct) {
    if (!has_score(scores, id)) continue;
    float& score = scores[static_cast<size_t>(id)];
    score = score < 0 ? score * penalty : score / penalty;
  }
}

void Processors::block_ngrams(std::span<float> scores, std::span<const int64_t> ids) const {
  const size_t context = static_cast<size_t>(options_.no_repeat_ngram_size) - 1;
  if (ids.size() < context) return;
  const auto tail = ids.last(context);
  for (size_t i = 0; i + context < ids.size(); ++i) {
    if (!std::equal(tail.begin(), tail.end(), ids.begin() + static_cast<ptrdiff_t>(i))) continue;
    const int64_t next = ids[i + context];
    if (has_score(scores, next)) scores[static_cast<size_t>(next)] = kForbidden;
  }
}

void Processors::block_end(std::span<float> scores, const TokenHistory& history) const {
  const int64_t length = static_cast<int64_t>(history.ids.size());
  const int64_t num_new = length - history.prompt_length;
  // As in the reference, min_new_tokens takes the place of min_length.
  const bool blocked =
      options_.min_new_tokens ? num_new < *options_.min_new_tokens : length < options_.min_length;
  if (!blocked) return;
  for (const int64_t id : eos_ids_) {
    if (has_score(scores, id)) scores[static_cast<size_t>(id)] = kForbidden;
  }
}

void apply_temperature(std::span<float> scores, double temperature) {
  const float divisor = static_cast<float>(temperature);
  for (float& score : scores) score /= divisor;
}

void apply_top_k(std::span<float> scores, int64_t k) {
  if (k >= static_cast<int64_t>(scores.size())) return;
  // A heap of the k best: nearly every score is looked at once and skipped.
  std::vector<float> best(static_cast<size_t>(k));
  std::partial_sort_copy(scores.begin(), scores.end(), best.begin(), best.end(), std::greater<>());
  const float lowest = best.back();
  for (float& score : scores) {
    if (score < lowest) score = kForbidden;
  }
}

void apply_top_p(std::span<float> scores, double p, int64_t min_tokens_to_keep) {
  std::vector<size_t> order;  // the tokens not yet forbidden, worst first
  for (size_t i = 0; i < scores.size(); ++i) {
    if (scores[i] != kForbidden) order.push_back(i);
  }
  if (order.empty()) return;
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return scores[a] < scores[b]; });
  const double best = scores[order.back()];
  double total = 0;
  for (const size_t i : order) total += std::exp(scores[i] - best);
  double cumulative = 0;
  for (size_t rank = 0; rank + static_cast<size_t>(min_tokens_to_keep) < order.size(); ++rank) {
    const size_t i = order[rank];
    cumulative += std::exp(scores[i] - best) / total;
    if (cumulative > 1.0 - p) break;
    scores[i] = kForbidden;
  }
}

}  // namespace blip2
