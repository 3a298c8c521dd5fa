// CIDEr-D (Vedantam et al. 2015) as the COCO caption evaluation computes it and calls "CIDEr".
// Sentences come tokenised; nothing is stemmed.
#pragma once

#include <span>

#include "blip2/metrics/caption_sample.h"

namespace blip2 {

/// Fractions as in the literature before the factor 100 (a good model on COCO: 1.4).
/// Document frequencies come from the references of these very samples: a subset scores
/// differently, and a single sample scores 0. Throws kInvalidArgument if there is no sample, or one
/// without references.
CaptionScore cider(std::span<const CaptionSample> samples);

}  // namespace blip2
