// One case a rule; that all characters have the reference's classes is what oracle_test and
// tools/compare_tokenizers.py check.
#include "blip2/text/graphemes.h"

#include <gtest/gtest.h>

#include <string>

namespace blip2 {
namespace {

// The text with a bar between clusters.
std::string cut(const std::string& text) {
  std::string out;
  for (size_t start = 0; start < text.size();) {
    const size_t end = end_of_grapheme(text, start);
    out += text.substr(start, end - start);
    start = end;
    if (start < text.size()) out += "|";
  }
  return out;
}

TEST(Graphemes, Rules) {
  EXPECT_EQ(cut("ab"), "a|b");
  EXPECT_EQ(cut("\r\n\n\r"), "\r\n|\n|\r");
  EXPECT_EQ(cut("\u0001\u0301a\u0301\u0302b"), "\u0001|\u0301|a\u0301\u0302|b");
  EXPECT_EQ(cut("\u1112\u1161\u11abᄒ"), "\u1112\u1161\u11ab|ᄒ");  // L V T | L
  EXPECT_EQ(cut("가\u11a8각\u1161"), "가\u11a8|각|\u1161");         // LV T | LVT | V
  EXPECT_EQ(cut("क\u0903"), "क\u0903");                             // a spacing mark
  EXPECT_EQ(cut("\u0600ab"), "\u0600a|b");                          // a prefix
  EXPECT_EQ(cut("कक"), "क|क");
  EXPECT_EQ(cut("क\u094dकa\u094dक"), "क\u094dक|a\u094d|क");  // a conjunct needs two consonants
  EXPECT_EQ(cut("👨\u200d👩👨\u0301\u200d👩"), "👨\u200d👩|👨\u0301\u200d👩");
  EXPECT_EQ(cut("a\u200d👩👨\u200d\u200d👩"), "a\u200d|👩|👨\u200d\u200d|👩");
  EXPECT_EQ(cut("🇫🇷🇩🇪🇫"), "🇫🇷|🇩🇪|🇫");
}

}  // namespace
}  // namespace blip2
