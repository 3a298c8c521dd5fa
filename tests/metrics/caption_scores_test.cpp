// BLEU, ROUGE-L and CIDEr together: they share their samples and their goldens.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "blip2/base/error.h"
#include "blip2/metrics/bleu.h"
#include "blip2/metrics/cider.h"
#include "blip2/metrics/rouge.h"
#include "tests/support/tests_directory.h"

namespace blip2 {
namespace {

constexpr double kTolerance = 1e-9;

std::vector<CaptionSample> small_set() {
  const std::vector<std::string> hypotheses = {
      "a man riding a wave on a surfboard", "a cat is sitting on a couch next to a laptop computer",
      "a train is at the train station"};
  const std::vector<std::vector<std::string>> references = {
      {"A man riding a wave on top of a surfboard.", "A surfer rides a large wave in the ocean.",
       "The man is surfing (white board) on the wave."},
      {"A black and white cat sitting on a couch.", "The cat's on the sofa.",
       "A cat sitting on a couch next to a laptop."},
      {"A train at the station at 5 p.m.", "A red train pulling into a train station.",
       "The train doesn't stop!!!"}};
  return caption_samples(hypotheses, references);
}

// Figures of pycocoevalcap 1.2 with its own tokenizer.
TEST(CaptionScores, ThreeImagesAsTheEvaluationScoresThem) {
  const std::vector<CaptionSample> samples = small_set();
  const std::array<double, 4> expected_bleu = {0.8888888888559671, 0.8164965808955954,
                                               0.6821760720338174, 0.6128818101220782};
  const BleuScores bleu_scores = bleu(samples);
  for (size_t n = 0; n < 4; ++n) EXPECT_NEAR(bleu_scores.corpus[n], expected_bleu[n], kTolerance);
  const CaptionScore rouge_score = rouge_l(samples);
  EXPECT_NEAR(rouge_score.corpus, 0.818139431962326, kTolerance);
  const CaptionScore cider_score = cider(samples);
  EXPECT_NEAR(cider_score.corpus, 2.5515641322224756, kTolerance);
  const std::array<double, 3> rouge_samples = {0.87142857, 0.92424242, 0.6587473};
  const std::array<double, 3> cider_samples = {2.54938319, 3.32069015, 1.78461905};
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(rouge_score.samples[i], rouge_samples[i], 1e-8);
    EXPECT_NEAR(cider_score.samples[i], cider_samples[i], 1e-8);
  }
}

// Golden: tools/make_metrics_goldens.py (pycocoevalcap), 40 images, one to five references.
TEST(CaptionScores, FortyImagesAsTheEvaluationScoresThem) {
  std::ifstream file(testing::tests_directory() / "golden/metrics/caption_scores.json");
  const nlohmann::json golden = nlohmann::json::parse(file);
  std::vector<std::string> hypotheses;
  std::vector<std::vector<std::string>> references;
  for (const auto& sample : golden.at("samples")) {
    hypotheses.push_back(sample.at("caption"));
    references.push_back(sample.at("references"));
  }
  const std::vector<CaptionSample> samples = caption_samples(hypotheses, references);
  const BleuScores bleu_scores = bleu(samples);
  const CaptionScore rouge_score = rouge_l(samples);
  const CaptionScore cider_score = cider(samples);
  EXPECT_NEAR(rouge_score.corpus, golden.at("rouge_l"), kTolerance);
  EXPECT_NEAR(cider_score.corpus, golden.at("cider"), kTolerance);
  for (size_t n = 0; n < 4; ++n) {
    EXPECT_NEAR(bleu_scores.corpus[n], golden.at("bleu")[n], kTolerance);
  }
  for (size_t i = 0; i < samples.size(); ++i) {
    const auto& expected = golden.at("samples")[i];
    EXPECT_NEAR(rouge_score.samples[i], expected.at("rouge_l"), kTolerance) << hypotheses[i];
    EXPECT_NEAR(cider_score.samples[i], expected.at("cider"), kTolerance) << hypotheses[i];
    for (size_t n = 0; n < 4; ++n) {
      EXPECT_NEAR(bleu_scores.samples[i][n], expected.at("bleu")[n], kTolerance) << hypotheses[i];
    }
  }
}

TEST(CaptionScores, ACaptionThatIsItsReferenceScoresFull) {
  const std::vector<CaptionSample> samples = {
      {{"a", "black", "cat", "sleeps", "here"}, {{"a", "black", "cat", "sleeps", "here"}}},
      {{"one", "dog", "runs", "far", "away"}, {{"one", "dog", "runs", "far", "away"}}}};
  EXPECT_NEAR(bleu(samples).corpus[3], 1, 1e-8);
  EXPECT_NEAR(rouge_l(samples).corpus, 1, 1e-12);
  EXPECT_NEAR(cider(samples).corpus, 10, 1e-9);
}

TEST(CaptionScores, OneImageAloneHasNoCider) {
  const std::vector<CaptionSample> samples = {{{"a", "cat"}, {{"a", "cat"}}}};
  EXPECT_EQ(cider(samples).corpus, 0);
}

TEST(CaptionScores, ASampleWithoutReferencesIsAnError) {
  const std::vector<CaptionSample> without = {{{"a", "cat"}, {}}};
  EXPECT_THROW(bleu(without), Error);
  EXPECT_THROW(rouge_l(without), Error);
  EXPECT_THROW(cider({}), Error);
  EXPECT_THROW(caption_samples(std::vector<std::string>{"a"}, {}), Error);
}

}  // namespace
}  // namespace blip2
