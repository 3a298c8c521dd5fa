// Each warning is given once, after enough steps, and not in a healthy run.
#include "blip2/train/health.h"

#include <gmock/gmock.h>

#include <cmath>

namespace blip2 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int64_t kSteps = 2 * static_cast<int64_t>(RunHealth::kWindow);

struct Signs {
  double itm = 0.4, accuracy = 0.8, temperature = 0.05, similarity = 0.4, data_s = 0.1;
};

/// What is said over many steps, each of a second.
std::vector<std::string> said(const Signs& signs, int64_t num_steps = kSteps) {
  RunHealth health;
  std::vector<std::string> all;
  for (int64_t step = 1; step <= num_steps; ++step) {
    LogRow row;
    row.step = step;
    row.values = {{"loss_itm", signs.itm + 0.05 * std::sin(static_cast<double>(step))},
                  {"itm_accuracy", signs.accuracy},
                  {"temperature", signs.temperature},
                  {"query_similarity", signs.similarity}};
    for (std::string& text : health.check(row, signs.data_s, 1)) all.push_back(std::move(text));
  }
  return all;
}

TEST(RunHealth, AHealthyRunGetsNoWarning) { EXPECT_THAT(said({}), IsEmpty()); }

TEST(RunHealth, WarnsOfTheSameAnswerForAllPairs) {
  EXPECT_THAT(said({.itm = 0.637, .accuracy = 0.6667}),
              ElementsAre(AllOf(HasSubstr("step 200:"), HasSubstr("the same answer for all"))));
  EXPECT_THAT(said({.itm = 0.637, .accuracy = 0.75}), IsEmpty());
  EXPECT_THAT(said({.itm = 0.5, .accuracy = 0.6667}), IsEmpty());
}

TEST(RunHealth, WarnsOfATemperatureOutsideItsRangeAtOnce) {
  EXPECT_THAT(said({.temperature = 0.0009}, 3), ElementsAre(HasSubstr("step 1: ITC's temp")));
  EXPECT_THAT(said({.temperature = 0.6}, 3), ElementsAre(HasSubstr("temperature is 0.6")));
}

TEST(RunHealth, WarnsOfQueriesThatAreNearlyEqual) {
  EXPECT_THAT(said({.similarity = 0.97}), ElementsAre(HasSubstr("queries are nearly equal")));
}

TEST(RunHealth, WarnsOfDataThatIsSlowerThanTheModel) {
  EXPECT_THAT(said({.data_s = 0.6}), ElementsAre(HasSubstr("60 % of the time")));
}

TEST(RunHealth, WaitsForEnoughSteps) {
  const Signs bad{.itm = 0.637, .accuracy = 0.6667, .similarity = 0.97, .data_s = 0.6};
  EXPECT_THAT(said(bad, static_cast<int64_t>(RunHealth::kWindow) - 1), IsEmpty());
  EXPECT_EQ(said(bad).size(), 3U);
}

TEST(RunHealth, AStage2RunHasFewerWarnings) {
  RunHealth health;
  for (int64_t step = 1; step <= kSteps; ++step) {
    LogRow row;
    row.step = step;
    row.values = {{"loss_lm", 3}};
    EXPECT_THAT(health.check(row, 0.1, 1), IsEmpty());
  }
}

}  // namespace
}  // namespace blip2
