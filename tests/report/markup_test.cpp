#include "blip2/report/markup.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "blip2/base/error.h"
#include "tests/report/xml_check.h"

namespace blip2 {
namespace {

TEST(Markup, EscapesWhatMeansSomethingInMarkup) {
  EXPECT_EQ(escape_markup("<a href=\"x\">Tom & Jerry's</a>"),
            "&lt;a href=&quot;x&quot;&gt;Tom &amp; Jerry&#39;s&lt;/a&gt;");
  EXPECT_EQ(escape_markup("caf\u00E9 \u2713 \U0001F600"), "caf\u00E9 \u2713 \U0001F600");
  EXPECT_EQ(escape_markup(""), "");
}

TEST(Markup, BadBytesBecomeReplacementCharacters) {
  const std::string replaced = "\uFFFD";
  EXPECT_EQ(escape_markup("a\xFF"
                          "b"),
            "a" + replaced + "b");
  EXPECT_EQ(escape_markup("\xC3"), replaced);                                // cut short
  EXPECT_EQ(escape_markup("\xC0\xAF"), replaced + replaced);                 // overlong
  EXPECT_EQ(escape_markup("\xED\xA0\x80"), replaced + replaced + replaced);  // a surrogate
  EXPECT_EQ(escape_markup(std::string("a\0\x1F\x7F", 4)), "a   ");
}

TEST(Markup, PictureKindIsReadFromItsBytes) {
  EXPECT_EQ(picture_uri("\x89PNG\r\n\x1A\n"), "data:image/png;base64,iVBORw0KGgo=");
  EXPECT_TRUE(picture_uri("\xFF\xD8\xFF\xE0").starts_with("data:image/jpeg;base64,"));
  EXPECT_TRUE(picture_uri("RIFF1234WEBPVP8 ").starts_with("data:image/webp;base64,"));
  EXPECT_THROW(picture_uri("<svg/>"), Error);
  EXPECT_THROW(picture_uri(""), Error);
}

TEST(Markup, NumbersAsPeopleReadThem) {
  EXPECT_EQ(format_number(0.525, 2), "0.53");
  EXPECT_EQ(format_number(-1.25, 1), "\u22121.2");
  EXPECT_EQ(format_number(-0.001, 1), "0.0");
  EXPECT_EQ(format_number(std::nan(""), 1), "\u2013");
  EXPECT_EQ(format_number(std::numeric_limits<double>::infinity(), 1), "\u2013");
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(-1000), "-1,000");
  EXPECT_EQ(format_count(1234567), "1,234,567");
}

TEST(XmlCheck, FindsWhatIsNotWellFormed) {
  EXPECT_EQ(check_markup("<a b=\"c\"><d/>x &amp; y</a>").error, "");
  for (const char* bad : {"<a>", "<a></b>", "</a>", "<a b=c></a>", "<a b=\"1\" b=\"2\"></a>",
                          "<a>&nbsp;</a>", "<a b=\"<\"></a>", "<a", "<a>&</a>"}) {
    EXPECT_NE(check_markup(bad).error, "") << bad;
  }
}

}  // namespace
}  // namespace blip2
