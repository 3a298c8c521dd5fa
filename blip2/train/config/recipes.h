// The published hyper-parameters: the paper's and those of LAVIS's files.
#pragma once

#include "blip2/base/config.h"
#include "blip2/train/config/keys.h"

namespace blip2 {

/// Gives every value that still has its default the published one of run.recipe, for run.task.
void apply_recipe(const TrainConfig& config, ConfigDocument& document);

}  // namespace blip2
