// Look-ups in the generated tables of character classes.
#include "blip2/text/unicode_classes.h"

#include <utf8proc.h>

#include <array>
#include <string>

#include "blip2/text/unicode_tables.h"

namespace blip2 {
namespace {

using namespace unicode_tables;

utf8proc_category_t category(char32_t code_point) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(code_point));
}

CharacterClass look_up_class(char32_t c) {
  switch (category(c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
      return CharacterClass::kLetter;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return CharacterClass::kNumber;
    default:
      break;
  }
  if (contains(kWhiteSpace, c)) return CharacterClass::kSpace;
  if (contains(kNewLetters, c)) return CharacterClass::kLetter;
  if (contains(kNewNumbers, c)) return CharacterClass::kNumber;
  return CharacterClass::kOther;
}

std::array<CharacterClass, 128> make_ascii_classes() {
  std::array<CharacterClass, 128> classes;
  for (char32_t c = 0; c < classes.size(); ++c) classes[c] = look_up_class(c);
  return classes;
}

}  // namespace

CharacterClass character_class(char32_t code_point) {
  static const std::array<CharacterClass, 128> ascii = make_ascii_classes();
  return code_point < ascii.size() ? ascii[code_point] : look_up_class(code_point);
}

bool is_white_space(char32_t code_point) { return contains(kWhiteSpace, code_point); }

bool is_word_character(char32_t code_point) {
  switch (category(code_point)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC:
      return true;
    default:
      return code_point == 0x200c || code_point == 0x200d ||
             contains(kNewWordCharacters, code_point);
  }
}

bool is_bert_control(char32_t code_point) { return contains(kBertControls, code_point); }
bool is_bert_punctuation(char32_t code_point) { return contains(kBertPunctuation, code_point); }
bool is_bert_ideograph(char32_t code_point) { return contains(kBertIdeographs, code_point); }

bool is_combining_mark(char32_t code_point) { return contains(kCombiningMarks, code_point); }

unsigned script_of(char32_t code_point) {
  const CodePointValue* row = find_row(kScripts, code_point);
  return row ? static_cast<unsigned>(row->value) : kNoScript;
}

GraphemeClass grapheme_class(char32_t c) {
  if (c >= 0x20 && c < 0x7f) return GraphemeClass::kOther;
  if (c == U'\r') return GraphemeClass::kCarriageReturn;
  if (c == U'\n') return GraphemeClass::kLineFeed;
  if (c == 0x200d) return GraphemeClass::kJoiner;
  if (c >= 0xac00 && c <= 0xd7a3) {  // whole syllables; every 28th has no final letter
    return (c - 0xac00) % 28 == 0 ? GraphemeClass::kHangulLv : GraphemeClass::kHangulLvt;
  }
  if (c >= 0x1f1e6 && c <= 0x1f1ff) return GraphemeClass::kRegionalIndicator;
  const CodePointValue* row = find_row(kGraphemeClasses, c);
  return row ? static_cast<GraphemeClass>(row->value) : GraphemeClass::kOther;
}

void append_lower_case(std::u32string& out, char32_t code_point) {
  if (code_point == 0x130) {  // the one character whose lower case is two
    out += U"i\u0307";
  } else if (const CodePointValue* row =
                 code_point < 0x80 ? nullptr : find_row(kNewLowerCase, code_point)) {
    out.push_back(row->value);
  } else {
    out.push_back(
        static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code_point))));
  }
}

}  // namespace blip2
