// Weights for models that are only as large as a test needs.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "blip2/base/random.h"
#include "blip2/nn/module.h"

namespace blip2::testing {

/// Distinct values near 0 in every floating-point tensor, variances and norms positive: no zero
/// bias, no unit norm weight, so that a forgotten term or a swapped axis shows.
inline void fill_distinct(const std::vector<NamedTensor>& tensors, uint64_t seed,
                          double deviation = 0.1) {
  Random random(seed, "test weights");
  for (const NamedTensor& named : tensors) {
    if (!named.tensor->is_floating_point()) continue;
    fill_normal(*named.tensor, deviation, random);
    const bool positive = named.name.ends_with("running_var") ||
                          (named.tensor->dim() == 1 && named.name.ends_with("weight"));
    if (positive) named.tensor->abs_().add_(0.7);
  }
}

}  // namespace blip2::testing
