// Tables of character properties as the reference (PyPI tokenizers 0.22) sees them. The questions
// are asked through unicode_classes.h, graphemes.h and canonical_form.h. All tables are sorted by
// code point.
#pragma once

#include <algorithm>
#include <iterator>
#include <span>

namespace blip2::unicode_tables {

struct CodePointRange {
  char32_t first, last;  ///< both included
};
struct CodePointValue {
  char32_t first, last;  ///< both included
  char32_t value;
};

/// What the reference knows beyond utf8proc 2.8, to be added to the answer of utf8proc.
extern const std::span<const CodePointRange> kNewLetters;
extern const std::span<const CodePointRange> kNewNumbers;
extern const std::span<const CodePointRange> kNewWordCharacters;
extern const std::span<const CodePointValue> kNewLowerCase;
extern const std::span<const CodePointRange> kNotDecomposed;
extern const std::span<const CodePointRange> kUnorderedMarks;

/// Whole sets. The values of grapheme classes are those of enum GraphemeClass.
extern const std::span<const CodePointValue> kGraphemeClasses;
/// BERT's are those of an older Unicode, which the reference keeps.
extern const std::span<const CodePointRange> kWhiteSpace;
extern const std::span<const CodePointRange> kBertControls;
extern const std::span<const CodePointRange> kBertPunctuation;
extern const std::span<const CodePointRange> kBertIdeographs;
extern const std::span<const CodePointRange> kBertMarks;
extern const std::span<const CodePointValue> kKeptMarks;

/// For the components of tokenizer.json (unicode_pipeline_tables.cpp).
extern const std::span<const CodePointRange> kCombiningMarks;  ///< dropped by StripAccents
extern const std::span<const CodePointRange> kNotCompatible;   ///< whole under NFKC and NFKD
extern const std::span<const CodePointValue> kNewCategories;   ///< as utf8proc numbers them
extern const std::span<const CodePointValue> kScripts;         ///< of UnicodeScripts, numbered

/// The row that holds a code point, or nullptr.
template <typename Row>
const Row* find_row(std::span<const Row> table, char32_t code_point) {
  const auto next = std::upper_bound(table.begin(), table.end(), code_point,
                                     [](char32_t c, const Row& row) { return c < row.first; });
  if (next == table.begin()) return nullptr;
  const Row& row = *std::prev(next);
  return code_point <= row.last ? &row : nullptr;
}

inline bool contains(std::span<const CodePointRange> table, char32_t code_point) {
  return find_row(table, code_point) != nullptr;
}

}  // namespace blip2::unicode_tables
