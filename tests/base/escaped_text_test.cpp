#include "blip2/base/escaped_text.h"

#include <gtest/gtest.h>

namespace blip2 {
namespace {

TEST(EscapedText, StaysOnItsLineAndShowsWhatStoodThere) {
  EXPECT_EQ(escaped_text("a\nb\tc\r\x1b[31m\x01\x7f\xc2\x85\xe2\x80\xa8\xe2\x80\xa9z"),
            R"(a\nb\tc\r\x1b[31m\x01\x7f\x85\u2028\u2029z)");
}

TEST(EscapedText, OtherCharactersStay) {
  const std::string text = "C:\\new \"\xc2\xa0\xe2\x80\xa7\xf0\x9f\x90\x88\xc2";
  EXPECT_EQ(escaped_text(text), text);
  EXPECT_EQ(escaped_text(""), "");
}

}  // namespace
}  // namespace blip2
