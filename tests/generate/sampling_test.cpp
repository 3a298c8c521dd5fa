// Draws against the probabilities that transformers' warpers leave, by chi-square tests.
#include "blip2/generate/sampling.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "blip2/generate/search.h"
#include "tests/generate/toy_decoder.h"

namespace blip2 {
namespace {

using testing::search_golden;
using testing::ToyDecoder;

constexpr float kNever = -std::numeric_limits<float>::infinity();

/// Chi-square over the cells with probability above 0; a draw in another cell is a failure at once.
/// The bound is mean + 4.5 standard deviations: with a fixed seed, passing is a fact and not luck.
void expect_distribution(const std::vector<int64_t>& counts,
                         const std::vector<double>& probabilities) {
  int64_t total = 0;
  for (const int64_t count : counts) total += count;
  double statistic = 0, freedom = -1;
  for (size_t i = 0; i < counts.size(); ++i) {
    const double expected = probabilities[i] * static_cast<double>(total);
    if (expected < 1) {
      EXPECT_LE(counts[i], probabilities[i] == 0 ? 0 : 5) << "cell " << i;
      continue;
    }
    statistic += std::pow(static_cast<double>(counts[i]) - expected, 2) / expected;
    freedom += 1;
  }
  EXPECT_LT(statistic, freedom + 4.5 * std::sqrt(2 * freedom) + 1e-9);
}

TEST(Sampling, DrawsWhatTheWarpersOfTransformersLeave) {
  ASSERT_EQ(search_golden()["sampling"].size(), 8u);
  for (const auto& entry : search_golden()["sampling"]) {
    SCOPED_TRACE(entry.dump());
    const auto prompt = entry["prompt"].get<std::vector<int64_t>>();
    SearchRequest request;
    request.options.do_sample = true;
    request.options.max_new_tokens = 1;
    request.options.num_return_sequences = 4000;
    request.options.temperature = entry["temperature"].get<double>();
    request.options.top_k = entry["top_k"].get<int64_t>();
    request.options.top_p = entry["top_p"].get<double>();
    request.inputs = {{.prompt_ids = prompt}};
    ToyDecoder decoder({prompt});
    std::vector<int64_t> counts(13, 0);
    const auto results = generate(decoder, request);
    for (const auto& text : results[0]) {
      ++counts[static_cast<size_t>(text.ids[0])];
    }
    expect_distribution(counts, entry["probabilities"].get<std::vector<double>>());
  }
}

TEST(Sampling, PairsWithoutReplacementFollowTheProductRule) {
  const std::vector<double> p = {0.5, 0.3, 0.0, 0.2};
  std::vector<float> scores;
  for (const double x : p) scores.push_back(x == 0 ? kNever : static_cast<float>(std::log(x)) + 3);
  std::vector<int64_t> counts(16, 0);
  std::vector<double> expected(16, 0);
  for (size_t i = 0; i < 4; ++i) {
    for (size_t j = 0; j < 4; ++j) {
      if (i != j) expected[4 * i + j] = p[i] * p[j] / (1 - p[i]);
    }
  }
  Random random(7, "test");
  for (int i = 0; i < 20000; ++i) {
    const std::vector<int64_t> drawn = draw_without_replacement(scores, 2, random);
    ++counts[static_cast<size_t>(4 * drawn[0] + drawn[1])];
  }
  expect_distribution(counts, expected);
}

TEST(Sampling, ImpossibleIndicesComeLast) {
  Random random(7, "test");
  const std::vector<float> scores = {kNever, 1.0F, kNever, 0.0F};
  const std::vector<int64_t> drawn = draw_without_replacement(scores, 4, random);
  EXPECT_EQ(drawn[2], 0);
  EXPECT_EQ(drawn[3], 2);
  EXPECT_EQ(draw(std::vector<float>{kNever, kNever}, random), 0);
}

TEST(Sampling, ASeedReplaysAndStreamsDiffer) {
  const std::vector<std::vector<int64_t>> prompts = {{5, 9}, {5, 9}};
  const auto texts = [&](uint64_t seed, uint64_t second_stream, int64_t num_beams) {
    SearchRequest request;
    request.options.do_sample = true;
    request.options.num_beams = num_beams;
    request.seed = seed;
    request.inputs = {{.prompt_ids = prompts[0], .stream = 0},
                      {.prompt_ids = prompts[1], .stream = second_stream}};
    ToyDecoder decoder(prompts);
    const auto results = generate(decoder, request);
    return std::pair(results[0][0].ids, results[1][0].ids);
  };
  for (const int64_t num_beams : {1, 3}) {
    EXPECT_EQ(texts(1, 1, num_beams), texts(1, 1, num_beams));
    EXPECT_NE(texts(1, 1, num_beams).first, texts(1, 1, num_beams).second);
    EXPECT_EQ(texts(1, 0, num_beams).first, texts(1, 0, num_beams).second);
    EXPECT_NE(texts(1, 1, num_beams).first, texts(2, 1, num_beams).first);
  }
}

}  // namespace
}  // namespace blip2
