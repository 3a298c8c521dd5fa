// Dropping image tokens in training, which makes a step cheaper and overfitting harder.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace blip2 {

/// Drops the share `drop` of each picture's image tokens, drawn from (seed, step, first_row + row).
/// The other tokens keep their order. image_embeds [B, P, Dv] -> [B, P', Dv] with P' = P * (1 -
/// drop), rounded, at least 1; drop = 0 returns the tensor itself. `first_row`: the batch's first
/// row in the global batch. Source: FLIP (Li et al. 2022), masking in image-text contrast.
at::Tensor drop_image_tokens(const at::Tensor& image_embeds, double drop, uint64_t seed,
                             int64_t step, int64_t first_row = 0);

}  // namespace blip2
