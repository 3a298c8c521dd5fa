// ROUGE-L (Lin 2004): the longest common subsequence with the references, as the COCO caption
// evaluation takes it. Sentences come tokenised.
#pragma once

#include <span>

#include "blip2/metrics/caption_sample.h"

namespace blip2 {

/// F measure with beta 1.2 of the best precision and the best recall, taken over the references
/// independently; the set's score is the mean. An empty caption scores 0.
/// Throws kInvalidArgument if there is no sample, or one without references.
CaptionScore rouge_l(std::span<const CaptionSample> samples);

}  // namespace blip2
