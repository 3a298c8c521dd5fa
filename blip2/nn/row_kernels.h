// The inner loops of a product of few rows with a large matrix, for the processor that is there
// (Google Highway picks AVX-512, AVX2, SSE, NEON ... at run time). Each weight is read once, from
// in place; arithmetic is float32.
#pragma once

#include <cstddef>

namespace blip2::internal {

enum class WeightType { kFloat32, kFloat16, kBFloat16 };

struct FewRows {
  WeightType type = WeightType::kFloat32;
  const void* weight = nullptr;  ///< [num_outputs, length]
  const float* rows = nullptr;   ///< [num_rows, length]
  size_t num_rows = 0;
  size_t length = 0;
  size_t num_outputs = 0;
  float* products = nullptr;  ///< [num_rows, num_outputs]
};

/// products[r, o] = sum over i of weight[o, i] * rows[r, i], for first <= o < last. A product does
/// not depend on the other rows, to the bit.
void multiply(const FewRows& operands, size_t first, size_t last);

}  // namespace blip2::internal
