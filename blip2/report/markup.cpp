#include "blip2/report/markup.h"

#include <fmt/format.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "blip2/base/error.h"

namespace blip2 {
namespace {

// The length of the UTF-8 character at the start of `text`, 0 if there is none.
size_t utf8_length(std::string_view text) {
  const auto byte = [text](size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  const size_t length = lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, and what lies past U+10FFFF.
  const bool wrong = (lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xED && byte(1) > 0x9F) ||
                     (lead == 0xF0 && byte(1) < 0x90) || (lead == 0xF4 && byte(1) > 0x8F) ||
                     (lead == 0xEF && byte(1) == 0xBF && byte(2) >= 0xBE);
  return wrong ? 0 : length;
}

}  // namespace

std::string escape_markup(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size() + text.size() / 8);
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    const auto first = static_cast<unsigned char>(text.front());
    if (length == 0) {
      escaped += "\xEF\xBF\xBD";
    } else if (length > 1) {
      escaped += text.substr(0, length);
    } else {
      switch (first) {
        case '&':
          escaped += "&amp;";
          break;
        case '<':
          escaped += "&lt;";
          break;
        case '>':
          escaped += "&gt;";
          break;
        case '"':
          escaped += "&quot;";
          break;
        case '\'':
          escaped += "&#39;";
          break;
        default:
          escaped += (first < 0x20 && first != '\n') || first == 0x7F ? ' ' : text.front();
      }
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return escaped;
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const auto byte = [&](size_t k) -> uint32_t {
      return i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U;
    };
    const uint32_t group = byte(0) << 16 | byte(1) << 8 | byte(2);
    text += kDigits[group >> 18];
    text += kDigits[(group >> 12) & 63];
    text += i + 1 < bytes.size() ? kDigits[(group >> 6) & 63] : '=';
    text += i + 2 < bytes.size() ? kDigits[group & 63] : '=';
  }
  return text;
}

std::string picture_uri(std::string_view encoded) {
  const auto uri = [encoded](std::string_view kind) {
    return fmt::format("data:image/{};base64,{}", kind, base64(encoded));
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
