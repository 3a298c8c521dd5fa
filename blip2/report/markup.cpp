// Escapes and formats.
#include "blip2/report/markup.h"

#include <fmt/format.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "blip2/base/base64.h"
#include "blip2/base/error.h"
#include "blip2/base/utf8.h"

namespace blip2 {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

std::string escaped_ascii(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return (c >= 0 && c < 0x20 && c != '\n') || c == 0x7F ? " " : std::string(1, c);
  }
}

}  // namespace

std::string escape_markup(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size() + text.size() / 8);
  for (size_t position = 0; position < text.size();) {
    const Utf8Unit unit = utf8_unit_at(text, position);
    const std::string_view bytes = text.substr(position, unit.length);
    position += unit.length;
    const bool is_in_xml = bytes != "\xEF\xBF\xBE" && bytes != "\xEF\xBF\xBF";
    if (!unit.is_valid || !is_in_xml) {
      escaped += kReplacement;
    } else if (bytes.size() > 1) {
      escaped += bytes;
    } else {
      escaped += escaped_ascii(bytes.front());
    }
  }
  return escaped;
}

std::string picture_uri(std::string_view encoded) {
  const auto uri = [encoded](std::string_view kind) {
    return fmt::format("data:image/{};base64,{}", kind, encode_base64(encoded));
  };
  if (encoded.starts_with("\x89PNG\r\n\x1A\n")) return uri("png");
  if (encoded.starts_with("\xFF\xD8\xFF")) return uri("jpeg");
  if (encoded.starts_with("GIF8")) return uri("gif");
  if (encoded.starts_with("RIFF") && encoded.substr(0, 12).ends_with("WEBP")) return uri("webp");
  fail(ErrorCode::kInvalidArgument,
       "report: expected an encoded PNG, JPEG, GIF or WebP picture, found {} other bytes",
       encoded.size());
}

std::string format_number(double value, int decimals) {
  if (!std::isfinite(value)) return "\u2013";
  std::string text = fmt::format("{:.{}f}", std::abs(value), decimals);
  const bool is_zero = text.find_first_not_of("0.") == std::string::npos;
  return value < 0 && !is_zero ? fmt::format("\u2212{}", text) : text;
}

std::string format_count(int64_t value) {
  const std::string digits = fmt::format("{}", value);
  const size_t first = digits.front() == '-' ? 1 : 0;
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > first && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

}  // namespace blip2
