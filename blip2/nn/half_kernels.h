// The inner loop that widens weights stored in 16 bits, for the processor that is there (Google
// Highway picks AVX-512, AVX2, SSE, NEON ... at run time).
#pragma once

#include <cstddef>
#include <cstdint>

namespace blip2::internal {

enum class HalfType { kFloat16, kBFloat16 };

/// wide[i] = narrow[i], exactly, for i < length.
void widen(HalfType type, const uint16_t* narrow, float* wide, size_t length);

}  // namespace blip2::internal
