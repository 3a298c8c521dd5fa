// One scored picture: what was generated for it and what people wrote about it.
#pragma once

#include <span>
#include <vector>

#include "blip2/metrics/ptb_tokens.h"

namespace blip2 {

/// One generated caption with its references, tokenised (caption_words() or corpus_words()).
struct CaptionSample {
  Words hypothesis;
  std::vector<Words> references;  ///< at least one
};

/// A score of a whole set and of each sample of it.
struct CaptionScore {
  double corpus = 0;
  std::vector<double> samples;
};

/// Pairs captions with their references: both sides are tokenised as wholes, as the evaluation
/// does. Throws kInvalidArgument where the numbers differ or a caption has no reference.
std::vector<CaptionSample> caption_samples(std::span<const std::string> hypotheses,
                                           std::span<const std::vector<std::string>> references);

/// Throws kInvalidArgument if there is no sample, or one without references.
void check_caption_samples(std::span<const CaptionSample> samples);

}  // namespace blip2
