#include "blip2/report/ticks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace blip2 {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pointwise;
using ::testing::SizeIs;

MATCHER(NearlyEqual, "") {
  return std::abs(std::get<0>(arg) - std::get<1>(arg)) <= 1e-12 * std::abs(std::get<1>(arg));
}

TEST(Ticks, RoundStepsWithinTheRange) {
  EXPECT_THAT(nice_ticks(0, 10, 5), Pointwise(NearlyEqual(), {0.0, 2.0, 4.0, 6.0, 8.0, 10.0}));
  EXPECT_THAT(nice_ticks(0.13, 0.91, 4), Pointwise(NearlyEqual(), {0.2, 0.4, 0.6, 0.8}));
  EXPECT_THAT(nice_ticks(-7, 12, 4), Pointwise(NearlyEqual(), {-5.0, 0.0, 5.0, 10.0}));
  EXPECT_THAT(nice_ticks(0, 151616, 7),
              ElementsAre(0, 20000, 40000, 60000, 80000, 100000, 120000, 140000));
}

TEST(Ticks, EndsThatAreTicksButForRoundingCount) {
  EXPECT_THAT(nice_ticks(0.1, 0.3, 2), SizeIs(3));
  EXPECT_THAT(nice_ticks(0.1 + 0.2, 0.9, 6), SizeIs(7));
}

TEST(Ticks, StrangeRangesEnd) {
  EXPECT_THAT(nice_ticks(3, 3, 5), ElementsAre(3));
  EXPECT_THAT(nice_ticks(3, 2, 5), IsEmpty());
  EXPECT_THAT(nice_ticks(std::nan(""), 2, 5), IsEmpty());
  EXPECT_THAT(nice_ticks(0, INFINITY, 5), IsEmpty());
  EXPECT_LE(nice_ticks(1e16, 1e16 + 2, 5).size(), 1000U);
  EXPECT_LE(nice_ticks(-1.7e308, 1.7e308, 5).size(), 12U);
}

TEST(Ticks, CountIsAboutTheOneAskedFor) {
  for (double high = 0.0007; high < 1e6; high *= 1.37) {
    for (const int count : {3, 5, 7}) {
      const size_t found = nice_ticks(0, high, count).size();
      EXPECT_GE(found, 2U) << high;
      EXPECT_LE(found, 2U * static_cast<size_t>(count)) << high;
    }
  }
}

TEST(Ticks, LogarithmicPowersOrTheirFractions) {
  EXPECT_THAT(log_ticks(0.001, 10), ElementsAre(0.001, 0.01, 0.1, 1, 10));
  EXPECT_THAT(log_ticks(0.15, 12), ElementsAre(0.2, 0.5, 1, 2, 5, 10));
  EXPECT_THAT(log_ticks(3, 4), Pointwise(NearlyEqual(), {3.0, 3.2, 3.4, 3.6, 3.8, 4.0}));
  EXPECT_THAT(log_ticks(0, 4), IsEmpty());
  EXPECT_THAT(log_ticks(-1, 4), IsEmpty());
  EXPECT_LE(log_ticks(1e-300, 1e300).size(), 10U);
}

TEST(Ticks, LabelsShareTheDecimalsTheyNeed) {
  EXPECT_THAT(tick_labels({0, 0.5, 1}), ElementsAre("0.0", "0.5", "1.0"));
  EXPECT_THAT(tick_labels({-5, 0, 5}), ElementsAre("\u22125", "0", "5"));
  EXPECT_THAT(tick_labels({0, 20000}), ElementsAre("0", "20,000"));
  EXPECT_THAT(tick_labels({-2000, 0}), ElementsAre("\u22122,000", "0"));
  EXPECT_THAT(tick_labels({0.1 + 0.2, 0.25}), ElementsAre("0.30", "0.25"));
  EXPECT_THAT(tick_labels({1e-6, 1e-3}), ElementsAre("1e-06", "0.001"));
  EXPECT_THAT(tick_labels({0, 1e9}), ElementsAre("0", "1e+09"));
  EXPECT_THAT(log_tick_labels({0.5, 1, 1000}), ElementsAre("0.5", "1", "1,000"));
}

}  // namespace
}  // namespace blip2
