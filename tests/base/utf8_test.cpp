#include "blip2/base/utf8.h"

#include <gtest/gtest.h>

#include <vector>

#include "blip2/base/quote.h"

namespace blip2 {
namespace {

constexpr const char* kSign = "\xef\xbf\xbd";

TEST(Utf8, EveryCodePointRoundTrips) {
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xd800 && c < 0xe000) continue;
    std::string text;
    append_utf8(text, c);
    size_t forward = 0, backward = text.size();
    ASSERT_TRUE(is_valid_utf8(text)) << text;
    ASSERT_EQ(next_code_point(text, forward), c);
    ASSERT_EQ(forward, text.size());
    ASSERT_EQ(previous_code_point(text, backward), c);
    ASSERT_EQ(backward, 0u);
  }
  EXPECT_EQ(to_utf8(to_code_points("aé中😀")), "aé中😀");
}

// The examples of the Unicode standard, section 3.9, tables 3-8 to 3-11; S stands for U+FFFD.
TEST(Utf8, MaximalIllFormedPartsAreReplaced) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"\xc0\xaf\xe0\x80\xbf\xf0\x81\x82"
       "A",
       "SSSSSSSSA"},
      {"\xed\xa0\x80\xed\xbf\xbf\xed\xaf"
       "A",
       "SSSSSSSSA"},
      {"\xf4\x91\x92\x93\xff"
       "A\x80\xbf"
       "B",
       "SSSSSASSB"},
      {"\xe1\x80\xe2\xf0\x91\x92\xf1\xbf"
       "A",
       "SSSSA"},
      {"\xf0\x9f\x98\x80\x80", "\xf0\x9f\x98\x80S"},
      {"ok", "ok"},
      {"", ""}};
  for (const auto& [bytes, pattern] : cases) {
    std::string wanted;
    for (const char c : pattern) c == 'S' ? wanted += kSign : wanted += c;
    EXPECT_EQ(replace_invalid_utf8(bytes), wanted);
    EXPECT_EQ(is_valid_utf8(bytes), wanted == bytes);
    EXPECT_TRUE(is_valid_utf8(wanted));
  }
}

TEST(Utf8, CodePointsAreCounted) {
  EXPECT_EQ(num_code_points(""), 0u);
  EXPECT_EQ(num_code_points("aé中😀"), 4u);
}

}  // namespace
}  // namespace blip2
