// The inner loops over weights stored in 16 bits, for the processor that is there (Google Highway
// picks AVX-512, AVX2, SSE, NEON ... at run time): arithmetic is float32.
#pragma once

#include <cstddef>
#include <cstdint>

namespace blip2::internal {

enum class NarrowType { kFloat16, kBFloat16 };

/// wide[i] = narrow[i], exactly, for i < length.
void widen(NarrowType type, const uint16_t* narrow, float* wide, size_t length);

/// Rows that one call of dot_rows() takes at most.
constexpr size_t kDotRows = 4;

/// sums[r] = sum over i of narrow[i] * rows[r * length + i], for r < num_rows <= kDotRows.
void dot_rows(NarrowType type, const uint16_t* narrow, const float* rows, size_t num_rows,
              size_t length, float* sums);

}  // namespace blip2::internal
