// Names and concepts of emoji, from Unicode's own files.
#include "blip2/workflows/demo/emoji_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "blip2/base/error.h"
#include "tests/support/assets.h"

namespace blip2 {
namespace {

using testing::assets;

TEST(EmojiNames, NamesAndKeywordsOfTheRealFiles) {
  const EmojiNames names(assets() / "unicode");
  const auto name_of = [&](std::u32string_view sequence) {
    const EmojiName* name = names.find(sequence);
    return name == nullptr ? "(none)" : name->name;
  };
  EXPECT_EQ(name_of(U"\U0001F600"), "grinning face");
  EXPECT_EQ(name_of(U"\U0001F40E"), "horse");
  EXPECT_EQ(name_of(U"☺"), "smiling face");                              // unqualified
  EXPECT_EQ(name_of(U"\U0001F3C3\u200D\u2640\uFE0F"), "woman running");  // derived names
  EXPECT_EQ(name_of(U"\U0001F468\U0001F469\U0001F467"), "family: man, woman, girl");  // no joiners
  EXPECT_THAT(names.find(U"\U0001F40E")->keywords,
              ::testing::ElementsAre("equestrian", "horse", "racehorse", "racing"));
  EXPECT_EQ(name_of(U"\U0001F1E9\U0001F1EA"), "(none)");  // a flag
  EXPECT_EQ(name_of(U"\U0001F3C1"), "(none)");            // the chequered one too
  EXPECT_EQ(name_of(U"1\uFE0F\u20E3"), "(none)");         // a keycap
  EXPECT_EQ(name_of(U"\U0001F44D\U0001F3FF"), "(none)");  // a skin tone
  EXPECT_EQ(name_of(U"\U0001F3FF"), "(none)");
  EXPECT_EQ(name_of(U""), "(none)");
}

TEST(EmojiNames, RefusesMissingAndWrongFiles) {
  const auto folder =
      std::filesystem::temp_directory_path() / fmt::format("blip2-emoji-{}", getpid());
  std::filesystem::create_directories(folder);
  const auto error_of = [&]() -> std::string {
    try {
      EmojiNames names{folder};
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(error_of(), ::testing::HasSubstr("run tools/fetch_assets"));
  std::ofstream(folder / "emoji-test.txt") << "1F600 ; fully-qualified # no version\n";
  EXPECT_THAT(error_of(), ::testing::HasSubstr("code points; status"));
  std::ofstream(folder / "emoji-test.txt")
      << "1F600 ; fully-qualified # \U0001F600 E1.0 grinning face\n";
  std::ofstream(folder / "en.xml") << "<html>\n";
  EXPECT_THAT(error_of(), ::testing::HasSubstr("expected <annotation cp=...> lines, found none"));
  std::filesystem::remove_all(folder);
}

TEST(UngenderedSequence, JoinsTheFormsOfOneEmoji) {
  const auto same = [](std::u32string_view left, std::u32string_view right) {
    return ungendered_sequence(left) == ungendered_sequence(right);
  };
  EXPECT_TRUE(same(U"\U0001F3C3", U"\U0001F3C3\U0001F3FD\u200D\u2640\uFE0F"));      // runner
  EXPECT_TRUE(same(U"\U0001F468\u200D\U0001F692", U"\U0001F9D1\u200D\U0001F692"));  // firefighter
  EXPECT_TRUE(same(U"\U0001F466", U"\U0001F467"));
  EXPECT_TRUE(same(U"\U0001F468\U0001F468\U0001F466", U"\U0001F46A"));        // family
  EXPECT_TRUE(same(U"\U0001F469\u2764\U0001F48B\U0001F469", U"\U0001F48F"));  // kiss
  EXPECT_TRUE(same(U"\U0001F468\u2764\U0001F468", U"\U0001F491"));            // couple
  EXPECT_TRUE(same(U"\U0001F934", U"\U0001F478"));
  EXPECT_FALSE(same(U"\u2640", U"\u2642"));  // the signs themselves
  EXPECT_FALSE(same(U"\U0001F468", U"\U0001F466"));
  EXPECT_FALSE(same(U"\U0001F468\u200D\U0001F692", U"\U0001F468\u200D\U0001F33E"));
}

TEST(ParseCodePoints, ReadsHexadecimal) {
  EXPECT_EQ(parse_code_points("1F468-200D_2764", "-_"), U"\U0001F468\u200D\u2764");
  EXPECT_EQ(parse_code_points("index", "-_"), U"");
  EXPECT_EQ(parse_code_points("1F468--2764", "-_"), U"");
  EXPECT_EQ(parse_code_points("110000", "-_"), U"");
}

}  // namespace
}  // namespace blip2
