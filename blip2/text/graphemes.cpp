// Rules GB3 to GB13, with what they need of the cluster so far.
#include "blip2/text/graphemes.h"

#include <cstddef>
#include <string_view>

#include "blip2/base/utf8.h"
#include "blip2/text/unicode_classes.h"

namespace blip2 {
namespace {

using Kind = GraphemeClass;

bool is_control(Kind kind) {
  return kind == Kind::kCarriageReturn || kind == Kind::kLineFeed || kind == Kind::kControl;
}

bool extends(Kind kind) {
  return kind == Kind::kExtend || kind == Kind::kConjunctExtend || kind == Kind::kConjunctLinker ||
         kind == Kind::kJoiner;
}

/// Rules GB6 to GB8: a syllable of Korean letters.
bool joins_hangul(Kind before, Kind after) {
  switch (before) {
    case Kind::kHangulL:
      return after == Kind::kHangulL || after == Kind::kHangulV || after == Kind::kHangulLv ||
             after == Kind::kHangulLvt;
    case Kind::kHangulLv:
    case Kind::kHangulV:
      return after == Kind::kHangulV || after == Kind::kHangulT;
    case Kind::kHangulLvt:
    case Kind::kHangulT:
      return after == Kind::kHangulT;
    default:
      return false;
  }
}

/// What the rules that look further back than one character need of the cluster so far.
class Cluster {
 public:
  explicit Cluster(Kind first) { add(first); }

  bool continues_with(Kind next) const {
    if (before_ == Kind::kCarriageReturn && next == Kind::kLineFeed) return true;    // GB3
    if (is_control(before_) || is_control(next)) return false;                       // GB4, GB5
    if (joins_hangul(before_, next)) return true;                                    // GB6 to GB8
    if (extends(next) || next == Kind::kSpacingMark) return true;                    // GB9, GB9a
    if (before_ == Kind::kPrepend) return true;                                      // GB9b
    if (next == Kind::kConjunctConsonant) return after_consonant_ && after_linker_;  // GB9c
    if (next == Kind::kPictograph) return joined_pictograph_;                        // GB11
    // GB12, GB13: flags are pairs of regional indicators.
    return next == Kind::kRegionalIndicator && num_indicators_ % 2 == 1;
  }

  void add(Kind kind) {
    const bool conjunct_part = kind == Kind::kConjunctExtend || kind == Kind::kJoiner;
    if (kind == Kind::kConjunctLinker) {
      after_linker_ = true;
    } else if (!conjunct_part) {
      after_consonant_ = kind == Kind::kConjunctConsonant;
      after_linker_ = false;
    }
    joined_pictograph_ = kind == Kind::kJoiner && after_pictograph_;
    if (kind == Kind::kJoiner || !extends(kind)) after_pictograph_ = kind == Kind::kPictograph;
    num_indicators_ = kind == Kind::kRegionalIndicator ? num_indicators_ + 1 : 0;
    before_ = kind;
  }

 private:
  Kind before_ = Kind::kOther;
  bool after_consonant_ = false;    // a consonant, then only extending characters and linkers
  bool after_linker_ = false;       // of which one is a linker
  bool after_pictograph_ = false;   // a pictograph, then only extending characters
  bool joined_pictograph_ = false;  // and at last the joiner
  size_t num_indicators_ = 0;
};

}  // namespace

size_t end_of_grapheme(std::string_view text, size_t start) {
  size_t end = start;
  Cluster cluster(grapheme_class(next_code_point(text, end)));
  while (end < text.size()) {
    size_t next = end;
    const Kind kind = grapheme_class(next_code_point(text, next));
    if (!cluster.continues_with(kind)) break;
    cluster.add(kind);
    end = next;
  }
  return end;
}

}  // namespace blip2
