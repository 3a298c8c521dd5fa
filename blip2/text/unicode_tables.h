// Tables of character properties as the reference (PyPI tokenizers 0.22) sees them. Data only; the
// questions are asked through unicode_classes.h. All tables are sorted by code point.
#pragma once

#include <span>

namespace blip2::unicode_tables {

struct CodePointRange {
  char32_t first, last;  ///< both included
};
struct CodePointValue {
  char32_t first, last;  ///< both included
  char32_t value;
};

// What the reference knows beyond utf8proc 2.8, to be added to the answer of utf8proc.
extern const std::span<const CodePointRange> kNewLetters;
extern const std::span<const CodePointRange> kNewNumbers;
extern const std::span<const CodePointRange> kNewWordCharacters;
extern const std::span<const CodePointValue> kNewLowerCase;
extern const std::span<const CodePointRange> kNotDecomposed;

// Whole sets. BERT's are those of an older Unicode, at which the reference stands still.
extern const std::span<const CodePointRange> kWhiteSpace;
extern const std::span<const CodePointRange> kBertControls;
extern const std::span<const CodePointRange> kBertPunctuation;
extern const std::span<const CodePointRange> kBertIdeographs;
extern const std::span<const CodePointRange> kBertMarks;
extern const std::span<const CodePointValue> kKeptMarks;

}  // namespace blip2::unicode_tables
