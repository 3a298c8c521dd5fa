// Which captions of a picture are kept: CapFilt's rules, given what the models say of each. No
// model here.
#pragma once

#include <vector>

#include "blip2/tasks/capfilt.h"

namespace blip2 {

/// Orders the candidates of one picture by score and fills `kept` and `dropped_by`. They come with
/// web captions first, drawn ones in the order drawn: where scores are equal they stay so. Of
/// duplicates the first in the new order stays, but a web caption before others where originals are
/// always kept.
void choose_captions(std::vector<CaptionCandidate>& candidates, const CapFiltOptions& options);

}  // namespace blip2
