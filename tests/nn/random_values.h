// Tensors of normal numbers that a seed gives again.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <cstdint>

#include "blip2/base/random.h"
#include "blip2/nn/module.h"

namespace blip2::testing {

/// N(0, 1), float32.
inline at::Tensor random_values(at::IntArrayRef shape, uint64_t seed) {
  at::Tensor values = at::empty(shape, at::kFloat);
  Random random(seed, "values");
  fill_normal(values, 1.0, random);
  return values;
}

}  // namespace blip2::testing
