// Prepared pictures as one tensor.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

namespace blip2 {

/// Pictures as [3, height, width] each -> [B, 3, height, width] float32 on the CPU. Throws
/// kInvalidArgument for a picture of another size.
at::Tensor stack_pixels(const std::vector<std::span<const float>>& pictures, int64_t height,
                        int64_t width);

}  // namespace blip2
