// The two inner loops of resampling, for the processor that is there (Google Highway picks AVX-512,
// AVX2, SSE, NEON ... at run time). Integers only: every processor gives the same bits.
#pragma once

#include <cstddef>
#include <cstdint>

namespace blip2::internal {

/// Lengths given to the kernels are multiples of this, so that no vector ends in the middle.
constexpr size_t kKernelAlignment = 64;

/// Weights have 22 fraction bits, as in Pillow.
constexpr int kWeightBits = 22;

/// Rows of bytes that are summed, each with its weight.
struct WeightedRows {
  const uint8_t* first = nullptr;
  size_t stride = 0;  ///< bytes from a row to the next
  const int32_t* weights = nullptr;
  size_t count = 0;
};

/// sums[i] += sum over rows r of weights[r] * row_r[i], for i < length.
void add_weighted_rows(const WeightedRows& rows, int32_t* sums, size_t length);

/// bytes[i] = sums[i] >> kWeightBits, clamped to 0..255, for i < length.
void weights_to_bytes(const int32_t* sums, uint8_t* bytes, size_t length);

}  // namespace blip2::internal
