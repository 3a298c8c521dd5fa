// BLEU-1 to BLEU-4 over a set of captions (Papineni et al. 2002), with the constants of the COCO
// caption evaluation. Sentences come tokenised.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "blip2/metrics/caption_sample.h"

namespace blip2 {

/// `corpus[n - 1]` is BLEU-n as a fraction; `samples` are the same for each caption by itself.
struct BleuScores {
  std::array<double, 4> corpus{};
  std::vector<std::array<double, 4>> samples;
};

/// Counts are summed over the set before the precisions are taken; the brevity penalty compares
/// with the reference whose length is closest (the shorter of two equally close). Throws
/// kInvalidArgument if there is no sample, or one without references.
BleuScores bleu(std::span<const CaptionSample> samples);

}  // namespace blip2
