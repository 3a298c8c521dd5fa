// How names and shapes from files appear in messages: on one line, and never longer than a line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace blip2 {

/// The text in double quotes, control characters and broken UTF-8 as \xNN, cut after 120 bytes.
std::string quote(std::string_view text);

/// "[2, 3]"; "[]" for a scalar.
std::string shape_text(const std::vector<int64_t>& shape);

}  // namespace blip2
