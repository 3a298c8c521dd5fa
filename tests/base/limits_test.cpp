// Limits: what they admit, and how they are worded.
#include "blip2/base/limits.h"

#include <gmock/gmock.h>

#include <cmath>

#include "blip2/base/error.h"

namespace blip2 {
namespace {

TEST(Limits, BoundsAreIncludedExceptAbove) {
  EXPECT_TRUE(admits(between(0, 1), 0));
  EXPECT_TRUE(admits(between(0, 1), 1));
  EXPECT_FALSE(admits(between(0, 1), 1.5));
  EXPECT_FALSE(admits(between(0, 1), -0.5));
  EXPECT_TRUE(admits(at_least(1), 1));
  EXPECT_FALSE(admits(at_least(1), 0));
  EXPECT_FALSE(admits(above(0), 0));
  EXPECT_TRUE(admits(above(0), 1e-9));
  EXPECT_TRUE(admits(Limit{}, -1e300));
}

TEST(Limits, NanAndInfinitiesAreNeverAdmitted) {
  for (const Limit& limit : {Limit{}, at_least(0), above(0), between(0, 1)}) {
    EXPECT_FALSE(admits(limit, std::nan("")));
    EXPECT_FALSE(admits(limit, HUGE_VAL));
    EXPECT_FALSE(admits(limit, -HUGE_VAL));
  }
}

TEST(Limits, TextsAreAmongTheChoices) {
  EXPECT_TRUE(admits(one_of({"a", "b"}), "b"));
  EXPECT_FALSE(admits(one_of({"a", "b"}), "c"));
  EXPECT_TRUE(admits(Limit{}, "c"));
  EXPECT_EQ(choices_text(one_of({"a", "b"})), "one of a, b");
}

TEST(Limits, AreWordedByTheirBounds) {
  EXPECT_EQ(limit_text({}, "a number"), "a number");
  EXPECT_EQ(limit_text(at_least(1), "an integer"), "an integer of at least 1");
  EXPECT_EQ(limit_text(above(0), "a number"), "a number above 0");
  EXPECT_EQ(limit_text(between(1, 1 << 24), "an integer"), "an integer from 1 to 16777216");
  EXPECT_EQ(limit_text({.high = 0.5}, "a number"), "a number of at most 0.5");
  EXPECT_EQ(limit_text({.low = 0, .high = 1, .above_low = true}, "a number"),
            "a number above 0 and at most 1");
}

TEST(Limits, ABrokenLimitNamesThePlaceTheFieldAndTheValue) {
  const auto message = [](auto value, const Limit& limit) -> std::string {
    try {
      require_within("OPT configuration", "ffn_dim", value, limit);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(message(int64_t{0}, between(1, 8)),
            "OPT configuration: ffn_dim: expected an integer from 1 to 8, found 0");
  EXPECT_EQ(message(0.0, above(0)),
            "OPT configuration: ffn_dim: expected a number above 0, found 0");
  EXPECT_EQ(message(int64_t{8}, between(1, 8)), "");
}

}  // namespace
}  // namespace blip2
