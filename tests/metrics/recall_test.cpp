#include "blip2/metrics/recall.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "blip2/base/error.h"

namespace blip2 {
namespace {

using ::testing::ElementsAre;

struct Case {
  std::vector<float> similarity;
  std::vector<int64_t> images;
  std::vector<int64_t> texts;
  RetrievalProblem problem() const {
    return {static_cast<int64_t>(images.size()), static_cast<int64_t>(texts.size()), similarity,
            images, texts};
  }
};

TEST(Recall, RanksBothWaysWithSeveralTextsAnImage) {
  const Case two_images = {{0.9F, 0.1F, 0.8F, 0.3F,  //
                            0.2F, 0.7F, 0.6F, 0.5F},
                           {0, 1},
                           {0, 0, 1, 1}};
  EXPECT_THAT(text_ranks(two_images.problem()), ElementsAre(0, 1));
  EXPECT_THAT(image_ranks(two_images.problem()), ElementsAre(0, 1, 1, 0));
  const RetrievalScores scores = retrieval_scores(two_images.problem());
  EXPECT_DOUBLE_EQ(scores.txt_r1, 50);
  EXPECT_DOUBLE_EQ(scores.txt_r5, 100);
  EXPECT_DOUBLE_EQ(scores.img_r1, 50);
  EXPECT_DOUBLE_EQ(scores.txt_r_mean, 250.0 / 3);
  EXPECT_DOUBLE_EQ(scores.r_mean, 250.0 / 3);
}

TEST(Recall, EveryTextOfTheSameCaptionIsRight) {
  // Images 0 and 2 share a caption: 2 finds the text that came with 0, and the other way about.
  const Case shared = {{0.1F, 0.2F, 0.9F,  //
                        0.1F, 0.9F, 0.2F,  //
                        0.9F, 0.5F, 0.1F},
                       {7, 8, 7},
                       {7, 8, 7}};
  EXPECT_THAT(text_ranks(shared.problem()), ElementsAre(0, 0, 0));
  EXPECT_THAT(image_ranks(shared.problem()), ElementsAre(0, 0, 0));
}

TEST(Recall, AnEqualTextOfAnotherImageIsWrongAndNotBeforeTheOwn) {
  // Texts 0 and 2 say the same; image 1 likes it best, and has another of its own.
  const std::vector<int64_t> words = {5, 6, 5, 7};
  Case shared = {{0.9F, 0.1F, 0.9F, 0.9F,  //
                  0.8F, 0.7F, 0.8F, 0.2F},
                 {0, 1},
                 {0, 0, 1, 1}};
  RetrievalProblem problem = shared.problem();
  EXPECT_THAT(text_ranks(problem), ElementsAre(2, 1));
  problem.words = words;
  EXPECT_THAT(text_ranks(problem), ElementsAre(1, 0));  // text 3, an equal score, has other words
  shared.texts = {0, 0, 0, 1};
  EXPECT_THAT(text_ranks(problem), ElementsAre(1, 3));  // right for image 0 alone
  EXPECT_THAT(image_ranks(problem), ElementsAre(0, 1, 0, 1));
}

TEST(Recall, EqualScoresAndNanCountAgainstTheModel) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  Case equal = {std::vector<float>(20UL * 20, 0.5F), {}, {}};
  for (int64_t i = 0; i < 20; ++i) {
    equal.images.push_back(i);
    equal.texts.push_back(i);
  }
  EXPECT_EQ(retrieval_scores(equal.problem()).txt_r10, 0);
  equal.similarity.assign(400, nan);
  EXPECT_EQ(retrieval_scores(equal.problem()).img_r10, 0);
}

// Against a plain sort, with no ties: the definition word by word.
TEST(Recall, EqualsASortOfEveryRow) {
  std::mt19937 generator(1);
  std::uniform_real_distribution<float> uniform;
  Case random;
  for (int64_t i = 0; i < 30; ++i) random.images.push_back(i % 25);
  for (int64_t t = 0; t < 75; ++t) random.texts.push_back(t % 25);
  for (size_t k = 0; k < 30UL * 75; ++k) random.similarity.push_back(uniform(generator));
  double hits = 0;
  for (size_t i = 0; i < 30; ++i) {
    std::vector<std::pair<float, int64_t>> order;
    for (size_t t = 0; t < 75; ++t)
      order.emplace_back(-random.similarity[i * 75 + t], random.texts[t]);
    std::sort(order.begin(), order.end());
    order.resize(5);
    hits += std::any_of(order.begin(), order.end(),
                        [&](const auto& entry) { return entry.second == random.images[i]; })
                ? 1
                : 0;
  }
  EXPECT_DOUBLE_EQ(retrieval_scores(random.problem()).txt_r5, 100 * hits / 30);
}

TEST(Recall, ChanceIsTheShareOfDrawsThatHoldARightOne) {
  Case four = {{}, {0, 1, 2, 3}, {0, 1, 2, 3}};
  EXPECT_DOUBLE_EQ(chance_scores(four.problem()).txt_r1, 25);
  EXPECT_DOUBLE_EQ(chance_scores(four.problem()).txt_r5, 100);
  Case several = {{}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {}};
  for (int64_t t = 0; t < 20; ++t) several.texts.push_back(t / 2);
  // 2 of 20 right: 1 - (18 * 17 * 16 * 15 * 14) / (20 * 19 * 18 * 17 * 16)
  EXPECT_NEAR(chance_scores(several.problem()).txt_r5, 100 * (1 - 15.0 * 14 / (20 * 19)), 1e-9);
  EXPECT_NEAR(chance_scores(several.problem()).img_r5, 50, 1e-9);
}

TEST(Recall, NamesAreThoseOfTheContract) {
  std::vector<std::string_view> names;
  for (const auto& [name, value] : named_scores({})) names.push_back(name);
  EXPECT_THAT(names, ElementsAre("txt_r1", "txt_r5", "txt_r10", "txt_r_mean", "img_r1", "img_r5",
                                 "img_r10", "img_r_mean", "r_mean"));
}

TEST(Recall, SizesThatDisagreeAreErrors) {
  const Case short_matrix = {{0.1F}, {0, 1}, {0, 1}};
  EXPECT_THROW(retrieval_scores(short_matrix.problem()), Error);
  const Case no_answer = {{0.1F, 0.2F}, {0}, {0, 1}};
  EXPECT_NO_THROW(text_ranks(no_answer.problem()));
  EXPECT_THROW(image_ranks(no_answer.problem()), Error);
  EXPECT_THROW(retrieval_scores({}), Error);
}

}  // namespace
}  // namespace blip2
