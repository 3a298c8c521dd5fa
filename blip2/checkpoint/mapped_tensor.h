// Tensors over the bytes of a mapped file. It knows bounds, alignment and lifetimes, no file
// format.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "blip2/base/files.h"

namespace blip2 {

/// More dimensions than this are refused by every reader.
inline constexpr size_t kMaxDimensions = 64;

/// The number of elements of a shape; nothing if a dimension is negative, if there are too many
/// dimensions, or if elements, strides or 16 bytes an element would not fit an int64.
std::optional<int64_t> count_elements(const std::vector<int64_t>& shape);

/// A run of elements in a mapped file, laid out with strides.
struct MappedLayout {
  at::ScalarType dtype = at::kFloat;
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;  ///< in elements; empty: row-major
  size_t offset_bytes = 0;       ///< from the start of the file
};

/// A view of the file that keeps it mapped; a copy where the address is not aligned to the element,
/// and for bool, whose bytes may be other than 0 and 1. The caller has checked that every element
/// is inside the file.
at::Tensor map_tensor(const std::shared_ptr<const MappedFile>& file, const MappedLayout& layout);

}  // namespace blip2
