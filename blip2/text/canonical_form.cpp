// The normalisation forms by the tables of unicode_tables.h, with BERT's stripping of accents.
#include "blip2/text/canonical_form.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/text/unicode_tables.h"

namespace blip2 {
namespace {

using namespace unicode_tables;

constexpr char32_t kFirstSyllable = 0xac00, kLastSyllable = 0xd7a3;
constexpr char32_t kFirstL = 0x1100, kFirstV = 0x1161, kFirstT = 0x11a7;  // T 0 is "none"
constexpr char32_t kNumL = 19, kNumV = 21, kNumT = 28;

int known_combining_class(char32_t c) {
  return utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->combining_class;
}

/// As strip_accents needs it: of marks newer than its tables the reference knows none.
int kept_combining_class(char32_t c) {
  const CodePointValue* kept = find_row(kKeptMarks, c);
  return kept ? static_cast<int>(kept->value) : 0;
}

int combining_class(char32_t c) {
  const int known = c < 0x300 ? 0 : known_combining_class(c);
  return known != 0 && contains(kUnorderedMarks, c) ? 0 : known;
}

enum class Decomposition { kCanonical, kCompatible };

/// Whether the reference leaves a character whole that utf8proc decomposes.
bool is_whole(char32_t c, Decomposition kind) {
  return contains(kNotDecomposed, c) ||
         (kind == Decomposition::kCompatible && contains(kNotCompatible, c));
}

void append_decomposed(std::u32string& out, char32_t c, Decomposition kind) {
  constexpr utf8proc_ssize_t kLongest = 32;  // the longest in Unicode has 18
  std::array<utf8proc_int32_t, kLongest> buffer;
  int boundary = 0;
  const auto options = static_cast<utf8proc_option_t>(
      UTF8PROC_DECOMPOSE | (kind == Decomposition::kCompatible ? UTF8PROC_COMPAT : 0));
  const utf8proc_ssize_t count =
      is_whole(c, kind) ? 0
                        : utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), buffer.data(),
                                                  kLongest, options, &boundary);
  BLIP2_CHECK(count <= kLongest);
  if (count <= 0) {
    out.push_back(c);
    return;
  }
  for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
    out.push_back(static_cast<char32_t>(buffer[i]));
  }
}

std::u32string decompose(const std::u32string& text, Decomposition kind) {
  std::u32string decomposed;
  decomposed.reserve(text.size() + text.size() / 8);
  for (const char32_t c : text) {
    if (c < 0x80) {
      decomposed.push_back(c);
    } else {
      append_decomposed(decomposed, c, kind);
    }
  }
  return decomposed;
}

/// The pairs of characters that are one composed character.
class Compositions {
 public:
  Compositions() {
    std::vector<std::pair<char32_t, std::u32string>> longer;
    for (char32_t c = 0xc0; c < 0x20000; ++c) {
      if (c == kFirstSyllable) c = kLastSyllable + 1;
      if (utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->comp_exclusion) continue;
      const std::u32string parts = decompose({c}, Decomposition::kCanonical);
      if (parts.size() == 2) composed_.emplace(key(parts[0], parts[1]), c);
      if (parts.size() > 2) longer.emplace_back(c, parts);
    }
    // A longer one is a shorter one and a last part.
    std::stable_sort(longer.begin(), longer.end(), [](const auto& a, const auto& b) {
      return a.second.size() < b.second.size();
    });
    for (const auto& [c, parts] : longer) {
      char32_t head = parts[0];
      for (size_t i = 1; head != 0 && i + 1 < parts.size(); ++i) head = find(head, parts[i]);
      if (head != 0) composed_.emplace(key(head, parts.back()), c);
    }
  }

  // The composed character, 0 if there is none.
  char32_t find(char32_t first, char32_t second) const {
    if (first - kFirstL < kNumL && second - kFirstV < kNumV) {
      return kFirstSyllable + ((first - kFirstL) * kNumV + (second - kFirstV)) * kNumT;
    }
    if (first >= kFirstSyllable && first <= kLastSyllable &&
        (first - kFirstSyllable) % kNumT == 0 && second > kFirstT && second < kFirstT + kNumT) {
      return first + (second - kFirstT);
    }
    const auto found = composed_.find(key(first, second));
    return found == composed_.end() ? 0 : found->second;
  }

 private:
  static uint64_t key(char32_t first, char32_t second) { return uint64_t{first} << 32 | second; }

  std::unordered_map<uint64_t, char32_t> composed_;
};

/// Canonical order: the marks between two starters are sorted by class, equals staying as they are.
void order_marks(std::u32string& text) {
  std::vector<std::pair<int, char32_t>> marks;
  size_t start = 0;
  const auto flush = [&] {
    std::stable_sort(marks.begin(), marks.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& [order, mark] : marks) text[start++] = mark;
    marks.clear();
  };
  for (size_t i = 0; i < text.size(); ++i) {
    const int order = combining_class(text[i]);
    if (order != 0) {
      marks.emplace_back(order, text[i]);
      continue;
    }
    flush();
    start = i + 1;
  }
  flush();
}

/// Puts characters together from canonical decomposition in order.
std::u32string recompose(const std::u32string& decomposed) {
  static const Compositions compositions;
  std::u32string out;
  out.reserve(decomposed.size());
  constexpr size_t kNone = ~size_t{0};
  size_t starter = kNone;  // position in `out` of the last character of class 0
  int last_order = -1;     // the class of the last mark kept behind it; -1 = none
  for (const char32_t c : decomposed) {
    const int order = combining_class(c);
    if (starter != kNone && last_order < order) {  // nothing between them blocks
      if (const char32_t whole = compositions.find(out[starter], c)) {
        out[starter] = whole;
        continue;
      }
    }
    if (order == 0) starter = out.size();
    last_order = order == 0 ? -1 : order;
    out.push_back(c);
  }
  return out;
}

}  // namespace

std::u32string strip_accents(const std::u32string& text) {
  const std::u32string decomposed = decompose(text, Decomposition::kCanonical);
  // Only the marks that are kept need to be put in canonical order.
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
    const int order = c < 0x80 ? 0 : stripped ? known_combining_class(c) : kept_combining_class(c);
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

std::u32string to_form(const std::u32string& text, UnicodeForm form) {
  const char32_t first = form == UnicodeForm::kNfc ? 0xc0 : 0xa0;
  if (std::all_of(text.begin(), text.end(), [&](char32_t c) { return c < first; })) return text;
  const bool is_compatible = form == UnicodeForm::kNfkc || form == UnicodeForm::kNfkd;
  std::u32string decomposed =
      decompose(text, is_compatible ? Decomposition::kCompatible : Decomposition::kCanonical);
  order_marks(decomposed);
  const bool is_composed = form == UnicodeForm::kNfc || form == UnicodeForm::kNfkc;
  return is_composed ? recompose(decomposed) : decomposed;
}

}  // namespace blip2
