// The tensors that a configuration trains: the Q-Former with its heads or projection, its
// embeddings unless they are frozen, and in fine-tuning the image encoder (the paper's sections 4.2
// to 4.4).
#pragma once

#include <vector>

#include "blip2/models/bundle.h"
#include "blip2/nn/module.h"
#include "blip2/train/config/keys.h"

namespace blip2 {

/// The names are those of Stage1 or Stage2; the image encoder's are those of a model directory
/// ("vision_model.*"). The result points into `bundle`.
std::vector<NamedTensor> trained_tensors(Bundle& bundle, const ModelConfig& model);

}  // namespace blip2
