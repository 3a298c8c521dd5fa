// Given texts are ranked by the sum of their tokens' log-probabilities, as a plain loop over the
// decoder adds them up.
#include "blip2/generate/rank.h"

#include <ATen/ops/log_softmax.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/generate/toy_decoder.h"

namespace blip2 {
namespace {
using testing::ToyDecoder;

const std::vector<int64_t> kPrompt = {2, 5};

/// Texts of unequal length; some share their first tokens.
RankRequest request_of_seven() {
  return {.texts = {{4, 1}, {4, 6, 1}, {3, 2, 5, 4, 1}, {1}, {6, 6, 6, 1}, {4, 6, 2, 1}, {3, 1}}};
}

/// The score of one text by a decoder of its own, a token at a time.
double score_alone(const std::vector<int64_t>& text, double label_smoothing) {
  ToyDecoder decoder({kPrompt});
  at::Tensor logits = decoder.start();
  double score = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const at::Tensor of_words = at::log_softmax(logits, -1)[0];
    score += (1 - label_smoothing) * of_words[text[i]].item<double>() +
             label_smoothing * of_words.mean().item<double>();
    if (i + 1 < text.size()) logits = decoder.step(at::tensor({text[i]}, at::kLong));
  }
  return score;
}

TEST(RankTexts, ScoresAreThoseOfAPlainLoop) {
  for (const double smoothing : {0.0, 0.1}) {
    RankRequest request = request_of_seven();
    request.label_smoothing = smoothing;
    ToyDecoder decoder({kPrompt});
    const std::vector<RankedText> ranked = rank_texts(decoder, request);
    ASSERT_EQ(ranked.size(), request.texts.size());
    std::set<size_t> seen;
    for (const RankedText& one : ranked) {
      EXPECT_NEAR(one.score, score_alone(request.texts[one.text], smoothing), 1e-4) << one.text;
      seen.insert(one.text);
    }
    EXPECT_EQ(seen.size(), ranked.size());
    EXPECT_TRUE(std::ranges::is_sorted(ranked, std::ranges::greater(), &RankedText::score));
  }
}

TEST(RankTexts, EqualTextsKeepTheirOrder) {
  ToyDecoder decoder({kPrompt});
  const std::vector<RankedText> ranked = rank_texts(decoder, {.texts = {{4, 6, 1}, {4, 6, 1}}});
  EXPECT_EQ(ranked[0].text, 0U);
  EXPECT_EQ(ranked[0].score, ranked[1].score);
}

TEST(RankTexts, ScoresInFullThoseWithTheMostProbableFirstToken) {
  RankRequest request = request_of_seven();
  request.num_scored = 3;
  ToyDecoder first({kPrompt});
  const at::Tensor logits = first.start()[0];
  std::vector<size_t> expected = {0, 1, 2, 3, 4, 5, 6};
  std::ranges::stable_sort(expected, [&](size_t a, size_t b) {
    return logits[request.texts[a][0]].item<float>() > logits[request.texts[b][0]].item<float>();
  });
  expected.resize(3);
  std::ranges::sort(expected);
  ToyDecoder decoder({kPrompt});
  std::vector<size_t> found;
  for (const RankedText& one : rank_texts(decoder, request)) found.push_back(one.text);
  std::ranges::sort(found);
  EXPECT_EQ(found, expected);
}

TEST(RankTexts, AFinishedTextIsNotComputedAnyFurther) {
  ToyDecoder decoder({kPrompt});
  rank_texts(decoder, {.texts = {{1}, {4, 1}, {4, 6, 2, 1}}});
  EXPECT_EQ(decoder.rows_computed(), 2U + 1U + 1U);  // the last token of a text is only scored
}

}  // namespace
}  // namespace blip2
