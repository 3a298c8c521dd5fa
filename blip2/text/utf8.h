// UTF-8 in and out of code points. Bytes from outside go through replace_invalid_utf8 once; all
// else here takes valid text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace blip2 {

/// Whether the bytes are well-formed UTF-8 (no surrogates, nothing overlong, nothing past
/// U+10FFFF).
bool is_valid_utf8(std::string_view bytes);

/// The bytes with each maximal ill-formed part replaced by U+FFFD, as Python's errors="replace" and
/// Unicode section 3.9 ("substitution of maximal subparts") have it.
std::string replace_invalid_utf8(std::string_view bytes);

/// Text from a file as a message can show it: replace_invalid_utf8, control characters as \xNN, cut
/// short after some hundred bytes.
std::string printable(std::string_view bytes);

/// The code point that starts at `position`, which moves past it. `text` must be valid.
char32_t next_code_point(std::string_view text, size_t& position);

/// The code point that ends just before `position`, which moves back onto it. `text` must be valid.
char32_t previous_code_point(std::string_view text, size_t& position);

void append_utf8(std::string& out, char32_t code_point);

/// All code points of valid `text`.
std::u32string to_code_points(std::string_view text);
std::string to_utf8(std::u32string_view code_points);

}  // namespace blip2
