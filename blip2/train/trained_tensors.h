// Which of a model's tensors a configuration trains: the Q-Former with its heads or projection, its
// embeddings unless they are frozen, and in fine-tuning the image encoder too (the paper's sections
// 4.2 to 4.4).
#pragma once

#include <vector>

#include "blip2/models/bundle.h"
#include "blip2/nn/module.h"
#include "blip2/train/config/config.h"

namespace blip2 {

/// Under the names of stage1 or generative; the image encoder's under those of a model directory
/// ("vision_model. ..."). `bundle` must stay where it is.
std::vector<NamedTensor> trained_tensors(Bundle& bundle, const ModelConfig& model);

}  // namespace blip2
