// Prepared pictures through a model's image encoder.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <vector>

namespace blip2 {

struct Bundle;

/// `pictures`: [3, S, S] each, as the bundle's transform prepares them. Returns the encoder's raw
/// output, [B, P, Dv]. Throws kInvalidArgument for a picture of another size.
at::Tensor encode_pictures(const Bundle& bundle,
                           const std::vector<std::span<const float>>& pictures);

}  // namespace blip2
