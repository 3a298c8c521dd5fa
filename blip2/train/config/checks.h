// Checks the files and directories that a configuration names, before a run starts: whether they
// exist, and whether the models fit together. Reads configurations and headers, no weights.
#pragma once

#include "blip2/base/config.h"
#include "blip2/train/config/keys.h"

namespace blip2 {

/// Adds a fault to `document` for each path that does not exist and each model that cannot be
/// opened or does not fit the others. Ignores values that check_values() refuses.
void check_files(const TrainConfig& config, ConfigDocument& document);

}  // namespace blip2
