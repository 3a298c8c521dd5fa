// Escapes, character by character.
#include "blip2/base/quote.h"

#include <fmt/format.h>

#include <algorithm>

#include "blip2/base/utf8.h"

namespace blip2 {
namespace {

constexpr size_t kLongestBytes = 120;

bool is_control(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029;
}

std::string escaped_control(char32_t c) {
  if (c == '\n') return "\\n";
  if (c == '\r') return "\\r";
  if (c == '\t') return "\\t";
  const auto code = static_cast<uint32_t>(c);
  return code < 0x100 ? fmt::format("\\x{:02x}", code) : fmt::format("\\u{:04x}", code);
}

/// Calls `valid(code point, its bytes)` for each character, `invalid(bytes)` for each ill-formed
/// part, until one of them returns false.
template <typename Valid, typename Invalid>
void for_each_unit(std::string_view text, const Valid& valid, const Invalid& invalid) {
  for (size_t position = 0; position < text.size();) {
    const Utf8Unit unit = utf8_unit_at(text, position);
    const std::string_view bytes = text.substr(position, unit.length);
    size_t start = 0;
    if (!(unit.is_valid ? valid(next_code_point(bytes, start), bytes) : invalid(bytes))) return;
    position += unit.length;
  }
}

/// Escapes until `longest_bytes` are written; the rest becomes "...".
std::string escape(std::string_view text, size_t longest_bytes) {
  std::string escaped;
  escaped.reserve(std::min(text.size(), longest_bytes) + 8);
  const auto is_full = [&] {
    const bool full = escaped.size() >= longest_bytes;
    if (full) escaped += "...";
    return full;
  };
  for_each_unit(
      text,
      [&](char32_t c, std::string_view bytes) {
        if (is_full()) return false;
        escaped += is_control(c) ? escaped_control(c) : std::string(bytes);
        return true;
      },
      [&](std::string_view bytes) {
        if (is_full()) return false;
        for (const char byte : bytes) {
          escaped += fmt::format("\\x{:02x}", static_cast<uint8_t>(byte));
        }
        return true;
      });
  return escaped;
}

}  // namespace

std::string replace_controls(std::string_view text,
                             const std::function<std::string(uint32_t)>& replacement) {
  std::string result;
  result.reserve(text.size() + 1);
  for_each_unit(
      text,
      [&](char32_t c, std::string_view bytes) {
        result += is_control(c) ? replacement(static_cast<uint32_t>(c)) : std::string(bytes);
        return true;
      },
      [&](std::string_view bytes) {
        result += bytes;
        return true;
      });
  return result;
}

std::string escaped_text(std::string_view text) { return escape(text, std::string_view::npos); }

std::string printable(std::string_view text) { return escape(text, kLongestBytes); }

std::string quote(std::string_view text) { return '"' + printable(text) + '"'; }

}  // namespace blip2
