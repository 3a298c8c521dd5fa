// The whole page, with galleries and charts on it.
#include "blip2/report/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "blip2/base/error.h"
#include "blip2/report/curves.h"
#include "blip2/report/gallery.h"
#include "tests/report/xml_check.h"

namespace blip2 {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kDoctype = "<!doctype html>\n";
const std::string kPicture = "\x89PNG\r\n\x1A\n and so on";  // only its first bytes are read here

Page full_page() {
  Page page("Numbers & <pictures>", "A lead with \"quotes\".");
  page.facts({{"55.4 %", "R@1 <both>", "chance 0.8 %"}, {"28 min 14 s", "time", ""}});
  page.section("Losses & more");
  page.paragraph("See <script>alert(1)</script>.");
  CurveChart chart{.title = "t", .curves = {{"a", {1, 2}, {3, 4}}}};
  page.figures({{curve_svg(chart), "Left."}, {curve_svg(chart), ""}});
  page.section("Scores");
  page.table(
      {{"", "R@1", "note"}, {{"B", "54.7", "fine"}, {"chance", "0.7", ""}}, "Table <1>.", {1}});
  page.subsection("Captions");
  page.figure({caption_gallery({{kPicture, "a \"cat\"", "<dog>", false, "unseen"},
                                {kPicture, "a cow", "a cow", true, ""},
                                {kPicture, "an ox", "an ox", std::nullopt, ""}}),
               "Cards & such"});
  page.figure({search_gallery(
                   {{"a <red> apple", {{kPicture, 0.61, false, ""}, {kPicture, 0.5, true, "x"}}, 2},
                    {"nothing", {}, 1023}}),
               ""});
  page.figure({attention_gallery({{{{kPicture, "the picture"}, {kPicture, "query 1 & 2"}}}}), ""});
  page.figure({candidate_gallery({{kPicture,
                                   "a \"picture\"",
                                   {{"a <b>", "drawn", 0.3125, true, ""},
                                    {"c & d", "web", -0.5, false, "rank"}}}}),
               ""});
  page.code("blip2 caption --model <DIR>\nsecond line");
  page.footer("blip2 & friends");
  return page;
}

TEST(Page, IsWellFormedAfterItsFirstLine) {
  const std::string html = full_page().html();
  ASSERT_TRUE(html.starts_with(kDoctype));
  const MarkupCheck check = check_markup(std::string_view(html).substr(kDoctype.size()));
  EXPECT_EQ(check.error, "");
  EXPECT_EQ(check.elements.at("img"), 8);
  EXPECT_EQ(check.elements.at("svg"), 2);
  EXPECT_EQ(check.elements.at("h2"), 2);
  EXPECT_EQ(check.elements.count("script"), 0U);
  EXPECT_EQ(check.elements.count("link"), 0U);
}

TEST(Page, RefersToNothingOutsideItself) {
  std::string html = full_page().html();
  for (const std::string& reference :
       check_markup(std::string_view(html).substr(kDoctype.size())).references) {
    EXPECT_TRUE(reference.starts_with("#s") || reference.starts_with("data:image/png;base64,"))
        << reference;
  }
  const std::string name = "xmlns=\"http://www.w3.org/2000/svg\"";
  for (size_t place = html.find(name); place != html.npos; place = html.find(name)) {
    html.erase(place, name.size());
  }
  for (const char* outside : {"http://", "https://", "url(", "@import", "src=\"//"}) {
    EXPECT_THAT(html, Not(HasSubstr(outside)));
  }
}

TEST(Page, LoadsItselfAgainOnlyWhereAsked) {
  Page page("t", "l");
  EXPECT_THAT(page.html(), Not(HasSubstr("refresh")));
  page.reload_every(60);
  const std::string html = page.html();
  EXPECT_THAT(html, HasSubstr("<meta http-equiv=\"refresh\" content=\"60\"/>"));
  EXPECT_EQ(check_markup(std::string_view(html).substr(kDoctype.size())).error, "");
}

TEST(Page, TextsAreEscapedEverywhere) {
  const std::string html = full_page().html();
  for (const char* escaped :
       {"<title>Numbers &amp; &lt;pictures&gt;</title>", "R@1 &lt;both&gt;",
        "&lt;script&gt;alert(1)&lt;/script&gt;", "Table &lt;1&gt;.", "a &lt;red&gt; apple",
        "alt=\"a &quot;cat&quot;\"", "&lt;dog&gt;", "query 1 &amp; 2", "--model &lt;DIR&gt;",
        "<a href=\"#s1\">Losses &amp; more</a>", "blip2 &amp; friends"}) {
    EXPECT_THAT(html, HasSubstr(escaped));
  }
}

TEST(Page, NumberColumnsStandToTheRight) {
  Page page("t", "l");
  page.table({{"name", "mixed", "value"}, {{"1", "a", "\u22121.5 %"}, {"2", "3", "\u2013"}}, ""});
  const std::string html = page.html();
  EXPECT_THAT(html, HasSubstr("<th scope=\"col\">name</th><th scope=\"col\">mixed</th>"
                              "<th scope=\"col\" class=\"number\">value</th>"));
  EXPECT_THAT(html, HasSubstr("<td>3</td><td class=\"number\">\u2013</td>"));
}

TEST(Page, MarksSayRightOrWrongInWordsToo) {
  const std::string cards = caption_gallery({{kPicture, "r", "g", true, ""}});
  EXPECT_THAT(cards, HasSubstr("aria-label=\"right noun\""));
  EXPECT_THAT(caption_gallery({{kPicture, "r", "g", false, ""}}), HasSubstr("wrong noun"));
  EXPECT_THAT(caption_gallery({{kPicture, "r", "g", std::nullopt, ""}}), Not(HasSubstr("noun")));
  const std::string search = search_gallery({{"q", {{kPicture, 0.5, true, ""}}, 1}});
  EXPECT_THAT(search, HasSubstr("class=\"hit\""));
  EXPECT_THAT(search, HasSubstr("found first"));
  EXPECT_THAT(search_gallery({{"q", {}, 1023}}), HasSubstr("the right one is number 1,023"));
}

TEST(Page, ARowOfAnotherLengthIsAnError) {
  Page page("t", "l");
  EXPECT_THROW(page.table({{"a", "b"}, {{"1"}}, ""}), Error);
  EXPECT_THROW(caption_gallery({{"no picture", "r", "g", true, ""}}), Error);
}

TEST(Page, CandidatesShowScoresAndWhatIsKept) {
  const std::string html = full_page().html();
  EXPECT_THAT(html, HasSubstr("<li class=\"kept\"><span class=\"score\">0.312</span> "
                              "<span class=\"source\">drawn</span> a &lt;b&gt; \u2713</li>"));
  EXPECT_THAT(html, HasSubstr("<li><span class=\"score\">\u22120.500</span> "
                              "<span class=\"source\">web</span> c &amp; d "
                              "<small class=\"remark\">rank</small></li>"));
}

}  // namespace
}  // namespace blip2
