// Combinations of values that no run can have. The limits of single values are in visit() (keys.h);
// the files that the values name are the responsibility of file_checks.h.
#pragma once

#include "blip2/base/config.h"
#include "blip2/train/config/keys.h"

namespace blip2 {

/// Adds a fault to `document` for each impossible combination. A warm-up that is longer than the
/// run is a warning.
void check_values(const TrainConfig& config, ConfigDocument& document);

}  // namespace blip2
