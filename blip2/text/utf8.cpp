#include "blip2/text/utf8.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace blip2 {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

struct Scan {
  size_t length = 1;  // bytes of the character, or of the ill-formed part
  bool valid = false;
};

// Looks at the bytes from `position`: Table 3-7 of the Unicode standard, by the range of the second
// byte.
Scan scan_character(std::string_view bytes, size_t position) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(bytes[position + i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return {1, true};
  if (lead < 0xc2 || lead > 0xf4) return {1, false};
  const size_t wanted = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  uint8_t low = 0x80, high = 0xbf;
  if (lead == 0xe0) low = 0xa0;
  if (lead == 0xed) high = 0x9f;
  if (lead == 0xf0) low = 0x90;
  if (lead == 0xf4) high = 0x8f;
  for (size_t i = 1; i < wanted; ++i) {
    if (position + i >= bytes.size() || byte(i) < low || byte(i) > high) return {i, false};
    low = 0x80;
    high = 0xbf;
  }
  return {wanted, true};
}

}  // namespace

bool is_valid_utf8(std::string_view bytes) {
  for (size_t position = 0; position < bytes.size();) {
    const Scan scan = scan_character(bytes, position);
    if (!scan.valid) return false;
    position += scan.length;
  }
  return true;
}

std::string replace_invalid_utf8(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  for (size_t position = 0; position < bytes.size();) {
    const Scan scan = scan_character(bytes, position);
    out += scan.valid ? bytes.substr(position, scan.length) : kReplacement;
    position += scan.length;
  }
  return out;
}

std::string printable(std::string_view bytes) {
  constexpr size_t kLongest = 120;
  constexpr const char* kDigits = "0123456789abcdef";
  std::string out;
  for (const char character : replace_invalid_utf8(bytes)) {
    const auto byte = static_cast<uint8_t>(character);
    if (out.size() >= kLongest && (byte & 0xc0) != 0x80) return out + "...";
    if (byte < 0x20 || byte == 0x7f) {
      out += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
    } else {
      out += character;
    }
  }
  return out;
}

char32_t next_code_point(std::string_view text, size_t& position) {
  const auto next = [&] { return static_cast<char32_t>(static_cast<uint8_t>(text[position++])); };
  const char32_t lead = next();
  if (lead < 0x80) return lead;
  const int more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
  char32_t code_point = lead & (0x3fu >> more);
  for (int i = 0; i < more; ++i) code_point = code_point << 6 | (next() & 0x3f);
  return code_point;
}

char32_t previous_code_point(std::string_view text, size_t& position) {
  do {
    --position;
  } while ((static_cast<uint8_t>(text[position]) & 0xc0) == 0x80);
  size_t start = position;
  return next_code_point(text, start);
}

void append_utf8(std::string& out, char32_t c) {
  const auto put = [&out](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (c < 0x80) {
    put(c);
    return;
  }
  if (c < 0x800) {
    put(0xc0 | c >> 6);
  } else {
    if (c < 0x10000) {
      put(0xe0 | c >> 12);
    } else {
      put(0xf0 | c >> 18);
      put(0x80 | (c >> 12 & 0x3f));
    }
    put(0x80 | (c >> 6 & 0x3f));
  }
  put(0x80 | (c & 0x3f));
}

std::u32string to_code_points(std::string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (size_t position = 0; position < text.size();) out.push_back(next_code_point(text, position));
  return out;
}

std::string to_utf8(std::u32string_view code_points) {
  std::string out;
  out.reserve(code_points.size());
  for (const char32_t c : code_points) append_utf8(out, c);
  return out;
}

}  // namespace blip2
