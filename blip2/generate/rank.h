// Ranking given texts by their likelihood, where search.h writes new ones. It sees a Decoder and
// ids, as search does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "blip2/nn/decoder.h"

namespace blip2 {

struct RankRequest {
  /// The ids of each text, its end token last. None is empty.
  std::vector<std::vector<int64_t>> texts;
  /// Texts that are scored in full: those whose first token is the most probable. LAVIS judges as
  /// many (1.0.2, models/blip_models/blip_vqa.py: `num_ans_candidates`).
  int64_t num_scored = 128;
  /// The label smoothing e of the loss that the model was trained with: a token counts (1 - e)
  /// times its log-probability and e times the mean log-probability of the vocabulary.
  double label_smoothing = 0;
};

struct RankedText {
  size_t text = 0;   ///< place in RankRequest::texts
  double score = 0;  ///< sum over the tokens of their log-probabilities, label smoothing included
};

/// Scores texts after the one row of the decoder, and returns them best first; of equal scores the
/// earlier text first. The decoder is used up. Throws kInternal where the model gives no numbers.
std::vector<RankedText> rank_texts(Decoder& decoder, const RankRequest& request);

}  // namespace blip2
