#include "blip2/checkpoint/messages.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace blip2 {
namespace {

constexpr size_t kLongestQuote = 120;

/// The length of the well-formed UTF-8 sequence at the front of `text`, 0 if there is none.
size_t sequence_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  const size_t length = lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (lead > 0xF4 || length == 0 || length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  return length;
}

}  // namespace

std::string quote(std::string_view text) {
  std::string quoted = "\"";
  while (!text.empty()) {
    if (quoted.size() > kLongestQuote) return quoted + "...\"";
    const size_t length = sequence_length(text);
    const auto first = static_cast<unsigned char>(text.front());
    if (length == 0 || first < 0x20 || first == 0x7F) {
      quoted += fmt::format("\\x{:02x}", first);
      text.remove_prefix(1);
      continue;
    }
    quoted += text.substr(0, length);
    text.remove_prefix(length);
  }
  return quoted + "\"";
}

std::string shape_text(const std::vector<int64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

}  // namespace blip2
