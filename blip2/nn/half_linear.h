// A linear layer whose weights are stored in 16 bits and computed with in float32, without a
// float32 copy of them.
#pragma once

#include <ATen/core/Tensor.h>

namespace blip2 {

/// Whether half_linear() takes these: a contiguous float16 or bfloat16 matrix and float32 rows on
/// the CPU, and no gradient of the weight is asked for.
bool is_half_linear(const at::Tensor& x, const at::Tensor& weight);

/// x W^T, float32, with x's gradient. x: [..., in]; weight: [out, in]. Few rows go the way of
/// few_rows_linear(); many through blocks of widened weights that stay in the cache.
at::Tensor half_linear(const at::Tensor& x, const at::Tensor& weight);

}  // namespace blip2
