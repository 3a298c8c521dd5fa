#include "blip2/base/escaped_text.h"

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace blip2 {
namespace {

/// A control character or line separator at the start of `rest`: its code point and length in
/// bytes; length 0 for any other text.
struct Control {
  uint32_t code = 0;
  size_t length = 0;
};

Control control_at(std::string_view rest) {
  const auto byte = [&](size_t i) {
    return i < rest.size() ? static_cast<uint8_t>(rest[i]) : uint8_t{0};
  };
  if (byte(0) < 0x20 || byte(0) == 0x7F) return {byte(0), 1};
  if (byte(0) == 0xC2 && byte(1) >= 0x80 && byte(1) <= 0x9F) return {byte(1), 2};
  if (byte(0) == 0xE2 && byte(1) == 0x80 && (byte(2) == 0xA8 || byte(2) == 0xA9)) {
    return {0x2000U + (byte(2) & 0x3FU), 3};
  }
  return {};
}

}  // namespace

std::string replace_controls(std::string_view text,
                             const std::function<std::string(uint32_t)>& replacement) {
  std::string result;
  result.reserve(text.size() + 1);
  for (size_t i = 0; i < text.size();) {
    const Control control = control_at(text.substr(i));
    if (control.length == 0) {
      result += text[i++];
    } else {
      result += replacement(control.code);
      i += control.length;
    }
  }
  return result;
}

std::string escaped_text(std::string_view text) {
  return replace_controls(text, [](uint32_t code) -> std::string {
    if (code == '\n') return "\\n";
    if (code == '\r') return "\\r";
    if (code == '\t') return "\\t";
    return code < 0x100 ? fmt::format("\\x{:02x}", code) : fmt::format("\\u{:04x}", code);
  });
}

}  // namespace blip2
