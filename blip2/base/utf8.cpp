// Well-formedness by the ranges of bytes, then code points by shifts.
#include "blip2/base/utf8.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace blip2 {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

}  // namespace

/// By the range of the second byte.
Utf8Unit utf8_unit_at(std::string_view bytes, size_t position) {
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

bool is_utf8_continuation(char byte) { return (static_cast<uint8_t>(byte) & 0xc0) == 0x80; }

bool is_valid_utf8(std::string_view bytes) {
  for (size_t position = 0; position < bytes.size();) {
    const Utf8Unit unit = utf8_unit_at(bytes, position);
    if (!unit.is_valid) return false;
    position += unit.length;
  }
  return true;
}

std::string replace_invalid_utf8(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  for (size_t position = 0; position < bytes.size();) {
    const Utf8Unit unit = utf8_unit_at(bytes, position);
    out += unit.is_valid ? bytes.substr(position, unit.length) : kReplacement;
    position += unit.length;
  }
  return out;
}

size_t num_code_points(std::string_view text) {
  return text.size() -
         static_cast<size_t>(std::count_if(text.begin(), text.end(), is_utf8_continuation));
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
  } while (is_utf8_continuation(text[position]));
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
