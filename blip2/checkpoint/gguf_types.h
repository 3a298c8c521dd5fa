// The storage types of GGUF tensors and their dequantisation, bit for bit as PyPI gguf's
// `quants.dequantize`: products and sums in float32, in the same order, none fused.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace blip2 {

/// Writes the elements of `num_blocks` blocks.
using Dequantize = void (*)(const std::byte* blocks, int64_t num_blocks, float* out);

struct GgufType {
  uint32_t id = 0;
  std::string_view name;
  int64_t block_elements = 1;
  int64_t block_bytes = 0;
  at::ScalarType dtype = at::kFloat;  ///< what a tensor of the type is read as
  Dequantize dequantize = nullptr;    ///< null: stored as `dtype`
};

/// The type with that number, or null if it is not supported.
const GgufType* find_gguf_type(uint32_t id);

}  // namespace blip2
