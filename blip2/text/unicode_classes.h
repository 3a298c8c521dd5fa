// What kind of character a code point is, by the reference's answers (unicode_tables.h). No policy
// of any tokenizer lives here.
#pragma once

#include <string>

namespace blip2 {

/// The classes that byte-level BPE's word patterns speak of: \p{L}, \p{N}, \s, and all else.
enum class CharacterClass { kLetter, kNumber, kSpace, kOther };
CharacterClass character_class(char32_t code_point);

/// White_Space, as \s in the reference's patterns.
bool is_white_space(char32_t code_point);
/// \w in the reference's patterns: letters, marks, decimal digits, connectors, joiners.
bool is_word_character(char32_t code_point);

/// BERT's clean-up and word splitting.
bool is_bert_control(char32_t code_point);      ///< dropped
bool is_bert_punctuation(char32_t code_point);  ///< a word of its own
bool is_bert_ideograph(char32_t code_point);    ///< put between spaces

/// What the normalizer StripAccents drops.
bool is_combining_mark(char32_t code_point);

/// The script by which UnicodeScripts cuts, a number; Han, Hiragana and Katakana are one.
constexpr unsigned kNoScript = 0;  ///< a character that goes with its neighbours
unsigned script_of(char32_t code_point);

/// The classes that the rules for grapheme clusters speak of (graphemes.h). "Conjunct" ones are
/// those of Indic conjuncts. The numbers are those of the tables.
enum class GraphemeClass {
  kOther = 0,
  kControl,
  kExtend,
  kConjunctExtend,
  kConjunctLinker,
  kConjunctConsonant,
  kSpacingMark,
  kPrepend,
  kPictograph,
  kHangulL,
  kHangulV,
  kHangulT,
  kHangulLv,
  kHangulLvt,
  kJoiner,
  kRegionalIndicator,
  kCarriageReturn,
  kLineFeed
};
GraphemeClass grapheme_class(char32_t code_point);

/// Appends the lower case of one character, without regard to its neighbours.
void append_lower_case(std::u32string& out, char32_t code_point);

}  // namespace blip2
