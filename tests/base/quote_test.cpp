// Text from outside stays on its line, shows what it holds, and is never longer than a line.
#include "blip2/base/quote.h"

#include <gtest/gtest.h>

#include <string>

namespace blip2 {
namespace {

TEST(Quote, ControlCharactersAreWrittenOut) {
  EXPECT_EQ(escaped_text("a\nb\tc\r\x1b[31m\x01\x7f\xc2\x85\xe2\x80\xa8\xe2\x80\xa9z"),
            R"(a\nb\tc\r\x1b[31m\x01\x7f\x85\u2028\u2029z)");
  EXPECT_EQ(quote(std::string_view("a\0b", 3)), R"("a\x00b")");
}

TEST(Quote, OtherCharactersStay) {
  const std::string text = "C:\\new \"\xc2\xa0\xe2\x80\xa7\xf0\x9f\x90\x88";
  EXPECT_EQ(escaped_text(text), text);
  EXPECT_EQ(quote(text), '"' + text + '"');
  EXPECT_EQ(escaped_text(""), "");
  EXPECT_EQ(quote(""), "\"\"");
}

TEST(Quote, BytesThatAreNotUtf8AreWrittenOut) {
  EXPECT_EQ(escaped_text("a\xff\xc2"), R"(a\xff\xc2)");
  EXPECT_EQ(quote("\xed\xa0\x80"), R"("\xed\xa0\x80")");  // a surrogate
}

TEST(Quote, LongTextIsTruncatedBetweenCharacters) {
  const std::string letters(119, 'a');
  EXPECT_EQ(printable(letters + "\u00e9"), letters + "\u00e9");
  EXPECT_EQ(printable(letters + "\u00e9bcd"), letters + "\u00e9...");
  EXPECT_EQ(quote(letters + "\u00e9bcd"), '"' + letters + "\u00e9...\"");
  EXPECT_EQ(escaped_text(letters + "\u00e9bcd"), letters + "\u00e9bcd");
}

TEST(Quote, ReplacedControlsLeaveAllElseAsItIs) {
  EXPECT_EQ(replace_controls("a\n\xff\u2028", [](uint32_t) { return "-"; }), "a-\xff-");
}

}  // namespace
}  // namespace blip2
