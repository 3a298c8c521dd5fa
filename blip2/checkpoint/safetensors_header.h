// The JSON header of a safetensors file, as text and as entries; the names of its dtypes. It sees
// no data.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "blip2/checkpoint/source.h"

namespace blip2 {

using StringMetadata = std::map<std::string, std::string>;

/// No reader takes a longer header (the reference's limit).
inline constexpr uint64_t kMaxSafetensorsHeaderBytes = 100'000'000;

struct SafetensorsEntry {
  TensorInfo info;
  uint64_t begin_bytes = 0;  ///< in the data section
  uint64_t end_bytes = 0;
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;
  StringMetadata metadata;
};

/// Parses a header and checks its form: JSON of that shape, no duplicate key, known dtypes, ranges
/// that have the size that dtype and shape say. `path` is for messages. Throws kCorruptData or
/// kUnsupported.
SafetensorsHeader parse_safetensors_header(std::string_view json, const std::string& path);

/// The header of tensors in this order, padded with spaces to a multiple of 8 bytes.
std::string format_safetensors_header(const std::vector<TensorInfo>& tensors,
                                      const StringMetadata& metadata);

/// The rank of a dtype in the writer's order (higher comes first in the file), or nothing if the
/// format has no name for it.
std::optional<size_t> safetensors_rank(at::ScalarType dtype);

}  // namespace blip2
