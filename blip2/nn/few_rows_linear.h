// A linear layer of few rows, as when texts are written token by token: reading the weights is what
// takes the time, not the arithmetic. Matrix libraries are made for many rows.
#pragma once

#include <ATen/core/Tensor.h>

namespace blip2 {

/// Whether few_rows_linear() takes these and is faster than another way: float32 rows on the CPU, a
/// contiguous matrix of float32, float16 or bfloat16, and no gradient is asked for. Under Autocast
/// the other way is bfloat16's, which is faster from fewer rows on.
bool is_few_rows_linear(const at::Tensor& x, const at::Tensor& weight);

/// x W^T, float32. x: [..., in]; weight: [out, in]. Each weight is read once, in place (a mapped
/// file). A row's result does not depend on the other rows, to the bit.
at::Tensor few_rows_linear(const at::Tensor& x, const at::Tensor& weight);

}  // namespace blip2
