// What a configuration names in the file system, looked at before a run starts: paths, and whether
// the directories of models fit together. Headers and configurations alone, no weights.
#pragma once

#include "blip2/base/config.h"
#include "blip2/train/config/config.h"

namespace blip2 {

/// Adds a fault to `document` for each path that is not there and each part that cannot be opened
/// or does not fit the others. Values that are faults by themselves are passed over.
void check_files(const TrainConfig& config, ConfigDocument& document);

}  // namespace blip2
