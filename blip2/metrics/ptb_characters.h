// What a character is to the Penn Treebank tokenizer. Not a Unicode library: the scripts of English
// captions are exact, the others are classed by whole blocks.
#pragma once

#include <string>
#include <string_view>

namespace blip2 {

inline constexpr char32_t kNoBreakSpace = 0xA0;

/// Lower case for Latin, Greek and Cyrillic; other characters as they are.
char32_t lower_case(char32_t character);

bool is_ascii_letter(char32_t character);
bool is_digit(char32_t character);
bool is_letter(char32_t character);
inline bool is_alphanumeric(char32_t character) {
  return is_letter(character) || is_digit(character);
}
/// The straight apostrophe and U+2019, which captions use for it.
inline bool is_apostrophe(char32_t character) { return character == U'\'' || character == 0x2019; }
/// A character that is a token of its own, such as `%` or U+00B0. Everything that is neither this,
/// nor a letter, nor a digit is dropped like a space.
bool is_symbol(char32_t character);

/// The tokens that a typographic character turns into (U+2014 -> "--"), empty for all others.
std::string_view typographic_replacement(char32_t character);

}  // namespace blip2
