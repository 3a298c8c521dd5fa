// The processors one by one, by hand; their order and the search around them are in search_test.
#include "blip2/generate/processors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace blip2 {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatEq;

constexpr float kImpossible = -std::numeric_limits<float>::infinity();

std::vector<float> processed(const GenerationOptions& options, std::vector<float> scores,
                             const std::vector<int64_t>& ids, int64_t prompt_length) {
  Processors(options, {3}).apply(scores, {ids, prompt_length});
  return scores;
}

TEST(Processors, DefaultsChangeNothing) {
  EXPECT_TRUE(Processors({}, {3}).empty());
  EXPECT_THAT(processed({}, {1, -2, 3, 4}, {0, 1}, 1), ElementsAre(1, -2, 3, 4));
}

TEST(Processors, RepetitionPenaltyCountsAnIdOnceAndIgnoresForeignIds) {
  GenerationOptions options;
  options.repetition_penalty = 2.0;
  EXPECT_THAT(processed(options, {1, -2, 3, 4}, {0, 0, 1, 99, -1}, 2), ElementsAre(0.5, -4, 3, 4));
}

TEST(Processors, NgramBlockingSeesThePrompt) {
  GenerationOptions options;
  options.no_repeat_ngram_size = 3;
  EXPECT_THAT(processed(options, {1, 1, 1, 1}, {1, 2, 0, 1, 2}, 3),
              ElementsAre(kImpossible, 1, 1, 1));
  EXPECT_THAT(processed(options, {1, 1, 1, 1}, {1}, 0), ElementsAre(1, 1, 1, 1));
  options.no_repeat_ngram_size = 1;
  EXPECT_THAT(processed(options, {1, 1, 1, 1}, {2, 1}, 0),
              ElementsAre(1, kImpossible, kImpossible, 1));
}

TEST(Processors, MinimumLengths) {
  GenerationOptions options;
  options.min_length = 3;
  EXPECT_THAT(processed(options, {1, 1, 1, 1}, {1, 2}, 1), ElementsAre(1, 1, 1, kImpossible));
  EXPECT_THAT(processed(options, {1, 1, 1, 1}, {1, 2, 0}, 1), ElementsAre(1, 1, 1, 1));
  options.min_new_tokens = 1;  // takes its place
  EXPECT_THAT(processed(options, {1, 1, 1, 1}, {1, 2}, 1), ElementsAre(1, 1, 1, 1));
  EXPECT_THAT(processed(options, {1, 1, 1, 1}, {1, 2}, 2), ElementsAre(1, 1, 1, kImpossible));
}

TEST(Processors, TopKKeepsTies) {
  std::vector<float> scores = {5, 1, 3, 3, 2};
  apply_top_k(scores, 2);
  EXPECT_THAT(scores, ElementsAre(5, kImpossible, 3, 3, kImpossible));
}

TEST(Processors, TopPKeepsTheTokenThatReachesP) {
  const std::vector<float> logs = {std::log(0.5F), std::log(0.3F), std::log(0.15F),
                                   std::log(0.05F)};
  std::vector<float> scores = logs;
  apply_top_p(scores, 0.7, 1);
  EXPECT_THAT(scores, ElementsAre(FloatEq(logs[0]), FloatEq(logs[1]), kImpossible, kImpossible));
  scores = logs;
  apply_top_p(scores, 0.1, 1);
  EXPECT_THAT(scores, ElementsAre(FloatEq(logs[0]), kImpossible, kImpossible, kImpossible));
  scores = logs;
  apply_top_p(scores, 0.1, 2);
  EXPECT_THAT(scores, ElementsAre(FloatEq(logs[0]), FloatEq(logs[1]), kImpossible, kImpossible));
}

}  // namespace
}  // namespace blip2
