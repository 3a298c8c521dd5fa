#include "blip2/checkpoint/rename.h"

#include <gmock/gmock.h>

#include "tests/checkpoint/golden.h"

namespace blip2 {
namespace {

using namespace checkpoint_test;
using ::testing::HasSubstr;

TEST(NameTable, RenamesBothWays) {
  const NameTable names({
      {"norm.weight", "model.norm.weight"},
      {"layers.*.attention.query.*", "blk.*.attn_q.*"},
      {"vision.**", "vision_model.**"},
  });
  const std::vector<std::pair<std::string, std::string>> pairs = {
      {"norm.weight", "model.norm.weight"},
      {"layers.12.attention.query.bias", "blk.12.attn_q.bias"},
      {"vision.blocks.3.weight", "vision_model.blocks.3.weight"},
      {"vision.x", "vision_model.x"},
  };
  for (const auto& [ours, theirs] : pairs) {
    EXPECT_EQ(names.to_theirs(ours), theirs);
    EXPECT_EQ(names.to_ours(theirs), ours);
  }
  for (const char* other :
       {"norm", "norm.weight.x", "layers.12.attention.query", "vision", "", "x"}) {
    EXPECT_EQ(names.to_theirs(other), std::nullopt) << other;
  }
  EXPECT_EQ(names.to_ours("vision_model"), std::nullopt);
}

TEST(NameTable, TheFirstRuleWins) {
  const NameTable names({{"a.special", "b.first"}, {"a.*", "b.rest_of.*"}, {"a.special", "b.old"}});
  EXPECT_EQ(names.to_theirs("a.special"), "b.first");
  EXPECT_EQ(names.to_theirs("a.x"), "b.rest_of.x");
  EXPECT_EQ(names.to_ours("b.old"), "a.special");
}

TEST(NameTable, RefusesATableThatDoesNotLeadBack) {
  const NameTable names({{"a.*", "x.*"}, {"b.*", "x.*"}});
  EXPECT_EQ(names.to_theirs("a.1"), "x.1");
  EXPECT_THAT(error_of([&] { names.to_theirs("b.1"); }), HasSubstr("leads back to \"a.1\""));
}

TEST(NameTable, RefusesBadRules) {
  const auto message = [](const std::string& ours, const std::string& theirs) {
    return error_of([&] { NameTable({{ours, theirs}}); });
  };
  EXPECT_THAT(message("a.*", "b"), HasSubstr("same wildcards"));
  EXPECT_THAT(message("a.*", "b.**"), HasSubstr("same wildcards"));
  EXPECT_THAT(message("a.*.*", "b.*"), HasSubstr("same wildcards"));
  EXPECT_THAT(message("a.**.c", "b.**.c"), HasSubstr("before its end"));
  EXPECT_THAT(message("a..c", "b"), HasSubstr("empty segment"));
  EXPECT_THAT(message("", "b"), HasSubstr("empty segment"));
  EXPECT_THAT(message("a_*", "b_*"), HasSubstr("part of a segment"));
}

TEST(NameMatches, Wildcards) {
  EXPECT_TRUE(name_matches("a.b", "a.b"));
  EXPECT_FALSE(name_matches("a.b", "a.b.c"));
  EXPECT_TRUE(name_matches("a.*.c", "a.x.c"));
  EXPECT_FALSE(name_matches("a.*.c", "a.c"));
  EXPECT_FALSE(name_matches("*", "a.b"));
  EXPECT_TRUE(name_matches("**.position_ids", "position_ids"));
  EXPECT_TRUE(name_matches("**.position_ids", "a.b.position_ids"));
  EXPECT_FALSE(name_matches("**.position_ids", "a.position_idsx"));
  EXPECT_TRUE(name_matches("a.**.z", "a.z"));
  EXPECT_TRUE(name_matches("a.**.b.**.z", "a.b.b.q.z"));
  EXPECT_FALSE(name_matches("a.**.b.**.z", "a.q.z"));
  EXPECT_TRUE(name_matches("**", "anything.at.all"));
  // Many wildcards on a long name: no search back and forth.
  std::string pattern = "**", name = "a";
  for (int i = 0; i < 40; ++i) {
    pattern += ".a.**";
    name += ".a";
  }
  EXPECT_FALSE(name_matches(pattern + ".b", name));
}

}  // namespace
}  // namespace blip2
