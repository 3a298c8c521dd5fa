// UTF-8 in and out of code points. Bytes from outside go through replace_invalid_utf8() once;
// next_code_point() and what is built on it take valid text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace blip2 {

/// What starts at a position of a text.
struct Utf8Unit {
  size_t length = 1;  ///< bytes of the character, or of the maximal ill-formed part
  bool is_valid = false;
};

/// Looks at the bytes from `position`, which must be within `bytes`. Ill-formed are surrogates,
/// overlong forms, what is past U+10FFFF and what is truncated (the Unicode standard, table 3-7).
Utf8Unit utf8_unit_at(std::string_view bytes, size_t position);

/// Whether a byte continues a character, which starts before it.
bool is_utf8_continuation(char byte);

/// Whether the bytes are well-formed UTF-8.
bool is_valid_utf8(std::string_view bytes);

/// The bytes with each maximal ill-formed part replaced by U+FFFD, as Python's errors="replace" and
/// Unicode section 3.9 ("substitution of maximal subparts") have it.
std::string replace_invalid_utf8(std::string_view bytes);

/// The number of characters of valid `text`.
size_t num_code_points(std::string_view text);

/// The code point that starts at `position`, which moves past it. `text` must be valid.
char32_t next_code_point(std::string_view text, size_t& position);

/// The code point that ends just before `position`, which moves back onto it. `text` must be valid.
char32_t previous_code_point(std::string_view text, size_t& position);

void append_utf8(std::string& out, char32_t code_point);

/// All code points of valid `text`.
std::u32string to_code_points(std::string_view text);
std::string to_utf8(std::u32string_view code_points);

}  // namespace blip2
