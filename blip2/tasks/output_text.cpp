// Replaces the control characters of text that is printed.
#include "blip2/tasks/output_text.h"

#include <fmt/format.h>

#include <cstdint>

#include "blip2/base/quote.h"

namespace blip2 {

std::string json_line(std::string_view json) {
  return replace_controls(json, [](uint32_t code) { return fmt::format("\\u{:04x}", code); }) +
         "\n";
}

std::string plain_text(std::string_view text) {
  return replace_controls(text, [](uint32_t) { return " "; });
}

}  // namespace blip2
