// The learning rates of an image encoder's layers: the further from the output, the less (the
// appendix's tables of fine-tuning hyper-parameters).
#pragma once

#include <vector>

#include "blip2/nn/module.h"

namespace blip2 {

/// What each parameter's learning rate is multiplied with: 1, but in an image encoder of L layers
/// decay^(L - i) for layer i and decay^(L + 1) for what comes before the first layer
/// (the paper's appendix). LAVIS's repository means to do it (models/blip2_models/blip2.py:
/// get_optimizer_params), but its schedule gives every group one rate. Empty where decay is 1.
std::vector<double> layer_rate_scales(const std::vector<NamedTensor>& parameters, double decay);

}  // namespace blip2
