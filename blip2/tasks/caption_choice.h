// Decides which captions of a picture are kept: CapFilt's rules, given the models' scores. It sees
// no model.
#pragma once

#include <vector>

#include "blip2/tasks/capfilt_options.h"

namespace blip2 {

/// Orders the candidates of one picture by score and fills `kept` and `dropped_by`. The input has
/// web captions first and drawn ones in the order drawn; candidates with equal scores keep this
/// order. Of duplicates the first is kept, and a web caption before others where originals are
/// always kept.
void choose_captions(std::vector<CaptionCandidate>& candidates, const CapFiltOptions& options);

}  // namespace blip2
