// Options laid over others: what is given replaces, and the result is checked.
#include "blip2/generate/options.h"

#include <gtest/gtest.h>

#include <set>

#include "blip2/base/error.h"

namespace blip2 {
namespace {

TEST(GenerationOptions, GivenFieldsReplaceTheDefaults) {
  GenerationOptions defaults;
  defaults.num_beams = 5;
  defaults.top_p = 0.5;
  defaults.max_length = 30;
  GenerationOptions given;
  given.num_beams = 2;
  given.top_p = 0.75;
  given.stop = {"."};
  const std::set<std::string> names = {"num_beams", "stop", "max_length"};
  const auto is_given = [&](const std::string& name) { return names.contains(name); };
  const GenerationOptions merged = merge(defaults, given, is_given);
  EXPECT_EQ(merged.num_beams, 2);
  EXPECT_EQ(merged.stop, given.stop);
  EXPECT_EQ(merged.max_length, std::nullopt);  // given as nothing
  EXPECT_EQ(merged.top_p, 0.5);                // not given
}

TEST(GenerationOptions, ThatDoNotGoTogetherAreRefused) {
  GenerationOptions given;
  given.num_return_sequences = 3;
  EXPECT_THROW(merge({}, given, [](const std::string&) { return true; }), Error);
}

}  // namespace
}  // namespace blip2
