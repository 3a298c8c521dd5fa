// What a search is asked for and what it returns: inputs, options and the texts as ids.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <vector>

#include "blip2/generate/options.h"

namespace blip2 {

/// One row of the decoder that was made from a batch of inputs.
struct SearchInput {
  /// The ids that count as already written, for the processors and the lengths.
  std::vector<int64_t> prompt_ids;
  /// Distinguishes the streams of random numbers of inputs.
  uint64_t stream = 0;
  /// Tokens that the model has positions for, after the prompt.
  int64_t positions_left = std::numeric_limits<int64_t>::max();
  /// Of these, tokens within the length that the model was trained for: where no option says how
  /// long a text may be, it ends there.
  int64_t trained_positions_left = std::numeric_limits<int64_t>::max();
};

struct SearchRequest {
  GenerationOptions options;
  std::vector<SearchInput> inputs;  ///< one per row of the decoder
  std::vector<int64_t> eos_ids;
  uint64_t seed = 42;
  /// Whether a text ends here, given its new ids: how stop texts are made. May be empty.
  std::function<bool(std::span<const int64_t> new_ids)> stop;
};

enum class FinishReason {
  kEnd,     ///< an end token, which is the last of the ids
  kStop,    ///< the stop callback
  kLength,  ///< no more tokens allowed, or none left by the processors
};

struct GeneratedSequence {
  std::vector<int64_t> ids;  ///< the new ones, without padding
  /// Beam search: the log-probability over length^length_penalty, processors included, as Hugging
  /// Face's `sequences_scores`. Else: the sum of the new tokens' log-probabilities by the model
  /// itself.
  double score = 0;
  FinishReason reason = FinishReason::kLength;
};

}  // namespace blip2
