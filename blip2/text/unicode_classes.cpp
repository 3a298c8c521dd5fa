#include "blip2/text/unicode_classes.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/text/unicode_tables.h"

namespace blip2 {
namespace {

using namespace unicode_tables;

template <typename Row>
const Row* find(std::span<const Row> table, char32_t code_point) {
  const auto next = std::upper_bound(table.begin(), table.end(), code_point,
                                     [](char32_t c, const Row& row) { return c < row.first; });
  if (next == table.begin()) return nullptr;
  const Row& row = *std::prev(next);
  return code_point <= row.last ? &row : nullptr;
}

bool contains(std::span<const CodePointRange> table, char32_t code_point) {
  return find(table, code_point) != nullptr;
}

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

// The canonical combining class as the reference sees it: of marks newer than its tables it knows
// none.
int combining_class(char32_t c, bool stripped) {
  if (stripped) return utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->combining_class;
  const CodePointValue* kept = find(kKeptMarks, c);
  return kept ? static_cast<int>(kept->value) : 0;
}

void append_decomposed(std::u32string& out, char32_t c) {
  constexpr utf8proc_ssize_t kLongest = 32;  // the longest in Unicode has 4
  std::array<utf8proc_int32_t, kLongest> buffer;
  int boundary = 0;
  const utf8proc_ssize_t count =
      contains(kNotDecomposed, c)
          ? 0
          : utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), buffer.data(), kLongest,
                                    UTF8PROC_DECOMPOSE, &boundary);
  BLIP2_CHECK(count <= kLongest);
  if (count <= 0) {
    out.push_back(c);
    return;
  }
  for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
    out.push_back(static_cast<char32_t>(buffer[i]));
  }
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

std::u32string strip_accents(const std::u32string& text) {
  std::u32string decomposed;
  decomposed.reserve(text.size() + text.size() / 8);
  for (const char32_t c : text) {
    if (c < 0x80) {
      decomposed.push_back(c);
    } else {
      append_decomposed(decomposed, c);
    }
  }
  // Canonical order: the marks between two starters are sorted by class, equals staying as they
  // are. Only the marks that are kept need to be gathered.
  std::u32string out;
  out.reserve(decomposed.size());
  std::vector<std::pair<int, char32_t>> marks;
  const auto flush = [&] {
    std::stable_sort(marks.begin(), marks.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& [order, mark] : marks) out.push_back(mark);
    marks.clear();
  };
  for (const char32_t c : decomposed) {
    const bool stripped = c >= 0x80 && contains(kBertMarks, c);
    const int order = c < 0x80 ? 0 : combining_class(c, stripped);
    if (order == 0) flush();
    if (stripped) continue;
    if (order == 0) {
      out.push_back(c);
    } else {
      marks.emplace_back(order, c);
    }
  }
  flush();
  return out;
}

void append_lower_case(std::u32string& out, char32_t code_point) {
  if (code_point == 0x130) {  // the one character whose lower case is two
    out += U"i\u0307";
  } else if (const CodePointValue* row =
                 code_point < 0x80 ? nullptr : find(kNewLowerCase, code_point)) {
    out.push_back(row->value);
  } else {
    out.push_back(
        static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code_point))));
  }
}

}  // namespace blip2
