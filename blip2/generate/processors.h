// What changes a row's scores before a token is chosen from them, in Hugging Face's order:
// repetition penalty, n-gram blocking, minimum lengths; then, when sampling, temperature, top-k and
// top-p.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "blip2/generate/options.h"

namespace blip2 {

/// One row's ids: the prompt's, then the new ones.
struct TokenHistory {
  std::span<const int64_t> ids;
  int64_t prompt_length = 0;
};

/// The processors that a set of options asks for. Immutable; threads may share it.
class Processors {
 public:
  Processors(const GenerationOptions& options, std::vector<int64_t> eos_ids);

  /// Whether apply() would change nothing.
  bool empty() const;

  /// Changes the scores [V] of the token that comes next: logits, or log-probabilities in beam
  /// search. A forbidden token gets -infinity.
  void apply(std::span<float> scores, const TokenHistory& history) const;

 private:
  void penalise_repetition(std::span<float> scores, std::span<const int64_t> ids) const;
  void block_ngrams(std::span<float> scores, std::span<const int64_t> ids) const;
  void block_end(std::span<float> scores, const TokenHistory& history) const;

  GenerationOptions options_;
  std::vector<int64_t> eos_ids_;
  int64_t min_tokens_to_keep_ = 1;  ///< that top-k and top-p leave
};

/// scores / temperature.
void apply_temperature(std::span<float> scores, double temperature);

/// Forbids tokens strictly below the k-th best score; ties stay.
void apply_top_k(std::span<float> scores, int64_t k);

/// Forbids the least probable tokens whose probabilities add up to at most 1 - p, but leaves
/// `min_tokens_to_keep`.
void apply_top_p(std::span<float> scores, double p, int64_t min_tokens_to_keep);

}  // namespace blip2
