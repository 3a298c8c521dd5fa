// How much a configuration may claim of the weights beside it.
#pragma once

#include "blip2/checkpoint/source.h"
#include "blip2/nn/module.h"

namespace blip2 {

/// Bounds what is made for `source` by what it holds, with slack for the heads that a file may
/// lack. `growth`: how many times larger the model may be than the file.
ParameterBudget claimable(const TensorSource& source, double growth = 1);

}  // namespace blip2
