// Byte order marks, the encodings that they name, and lines.
#include "blip2/base/text_file.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "blip2/base/error.h"
#include "blip2/base/utf8.h"

namespace blip2 {
namespace {

/// What a byte order mark says.
struct Encoding {
  size_t mark_bytes = 0;
  size_t unit_bytes = 1;  // 1: UTF-8
  bool is_big_endian = false;
};

Encoding encoding_of(std::string_view bytes) {
  using namespace std::string_view_literals;
  if (bytes.starts_with("\xef\xbb\xbf"sv)) return {3, 1};
  if (bytes.starts_with("\xff\xfe\x00\x00"sv)) return {4, 4, false};
  if (bytes.starts_with("\x00\x00\xfe\xff"sv)) return {4, 4, true};
  if (bytes.starts_with("\xff\xfe"sv)) return {2, 2, false};
  if (bytes.starts_with("\xfe\xff"sv)) return {2, 2, true};
  return {};
}

char32_t unit_at(std::string_view bytes, size_t position, const Encoding& encoding) {
  char32_t unit = 0;
  for (size_t i = 0; i < encoding.unit_bytes; ++i) {
    const size_t place = encoding.is_big_endian ? i : encoding.unit_bytes - 1 - i;
    unit = unit << 8 | static_cast<uint8_t>(bytes[position + place]);
  }
  return unit;
}

std::string to_utf8(std::string_view bytes, const Encoding& encoding) {
  std::string text;
  text.reserve(bytes.size());
  size_t position = encoding.mark_bytes;
  const auto next = [&]() -> std::optional<char32_t> {
    if (position + encoding.unit_bytes > bytes.size()) return std::nullopt;
    return unit_at(bytes, position, encoding);
  };
  while (const auto unit = next()) {
    position += encoding.unit_bytes;
    char32_t code_point = *unit;
    if (encoding.unit_bytes == 2 && code_point >= 0xD800 && code_point < 0xDC00) {
      if (const auto low = next(); low && *low >= 0xDC00 && *low < 0xE000) {
        position += encoding.unit_bytes;
        code_point = 0x10000 + ((code_point - 0xD800) << 10) + (*low - 0xDC00);
      }
    }
    if (code_point > 0x10FFFF) {
      text += '\xff';
    } else {
      append_utf8(text, code_point);  // of half a pair, three bytes that are not UTF-8
    }
  }
  if (position < bytes.size()) text += '\xff';
  return text;
}

}  // namespace

std::string decode_text(std::string_view bytes) {
  const Encoding encoding = encoding_of(bytes);
  if (encoding.unit_bytes > 1) return to_utf8(bytes, encoding);
  return std::string(bytes.substr(encoding.mark_bytes));
}

std::string read_text_file(const std::filesystem::path& path) {
  return decode_text(read_file(path));
}

TextFile::TextFile(const std::filesystem::path& path) : file_(path) {
  const auto bytes = file_.bytes();
  text_ = {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  const Encoding encoding = encoding_of(text_);
  if (encoding.unit_bytes > 1) {
    decoded_ = to_utf8(text_, encoding);
    text_ = decoded_;
  } else {
    text_.remove_prefix(encoding.mark_bytes);
  }
}

std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find_first_of("\r\n", begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + (text.substr(end).starts_with("\r\n") ? 2 : 1);
  }
  return lines;
}

void refuse_encoding(std::string_view text, size_t position, const std::string& where) {
  if (text[position] == '\0') {
    fail(ErrorCode::kCorruptData,
         "{}: expected text in UTF-8, found other bytes (a zero at byte {}, as in UTF-16 without a "
         "byte order mark)",
         where, position);
  }
  fail(ErrorCode::kCorruptData,
       "{}: expected text in UTF-8, found other bytes (0x{:02x} at byte {})", where,
       static_cast<uint8_t>(text[position]), position);
}

void require_utf8(std::string_view text, const std::string& where) {
  for (size_t position = 0; position < text.size();) {
    const Utf8Unit unit = utf8_unit_at(text, position);
    if (!unit.is_valid) refuse_encoding(text, position, where);
    position += unit.length;
  }
}

void require_text(std::string_view text, const std::string& where) {
  require_utf8(text, where);
  const size_t zero = text.find('\0');
  if (zero != std::string_view::npos) refuse_encoding(text, zero, where);
}

}  // namespace blip2
