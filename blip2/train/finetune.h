// What fine-tuning adds to pre-training: the image encoder is among the trained tensors (section
// 4.2 to 4.4).
#pragma once

#include <vector>

#include "blip2/models/bundle.h"
#include "blip2/nn/module.h"
#include "blip2/train/config.h"

namespace blip2 {

/// Appends the image encoder's tensors, under the names of a model directory ("vision_model. ..."),
/// where the configuration trains it.
void add_trained_encoder(const Bundle& bundle, const ModelConfig& model,
                         std::vector<NamedTensor>& tensors);

}  // namespace blip2
