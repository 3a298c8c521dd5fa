// Layer-wise decay of the learning rate in an image encoder: it decreases from the output to the
// input (the paper's appendix, tables of fine-tuning hyper-parameters).
#pragma once

#include <vector>

#include "blip2/nn/module.h"

namespace blip2 {

/// A factor of the learning rate for each parameter: in an image encoder of L layers decay^(L - i)
/// for layer i (from 0) and decay^(L + 1) for what precedes the first layer; 1 for all other
/// parameters. Empty if decay is 1. LAVIS's repository has it too (models/blip2_models/blip2.py:
/// get_optimizer_params), but its schedule then gives every group the same rate.
std::vector<double> layer_rate_scales(const std::vector<NamedTensor>& parameters, double decay);

}  // namespace blip2
