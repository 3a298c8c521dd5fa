// How the shape of a tensor appears in messages.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace blip2 {

/// "[2, 3]"; "[]" for a scalar.
std::string shape_text(const std::vector<int64_t>& shape);

}  // namespace blip2
