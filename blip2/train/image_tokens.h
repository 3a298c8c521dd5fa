// A training step that sees a part of each picture: cheaper, and harder to learn by heart.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace blip2 {

/// Leaves out the share `drop` of each picture's image tokens, drawn from (seed, step, first_row +
/// row) with the batch's first row among those of all ranks; the others keep their order.
/// image_embeds [B, P, Dv] -> [B, P', Dv] with P' = P * (1 - drop), rounded, at least 1; drop = 0
/// gives the tensor itself. Source: FLIP (Li et al. 2022), masking in image-text contrast.
at::Tensor drop_image_tokens(const at::Tensor& image_embeds, double drop, uint64_t seed,
                             int64_t step, int64_t first_row = 0);

}  // namespace blip2
