// Clipped n-gram counts, summed over the corpus.
#include "blip2/metrics/bleu.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <tuple>
#include <vector>

#include "blip2/metrics/ngrams.h"

namespace blip2 {
namespace {

struct BleuCounts {
  std::array<int64_t, kMaxOrder> guessed{};
  std::array<int64_t, kMaxOrder> correct{};
  int64_t hypothesis_length = 0;
  int64_t reference_length = 0;
};

BleuCounts count(const CaptionSample& sample) {
  const Ngrams hypothesis = count_ngrams(sample.hypothesis);
  std::vector<Ngrams> references;
  for (const Words& reference : sample.references) references.push_back(count_ngrams(reference));

  BleuCounts counts;
  counts.hypothesis_length = hypothesis.num_words;
  const auto distance = [&](const Ngrams& reference) {
    return std::tuple(std::abs(reference.num_words - hypothesis.num_words), reference.num_words);
  };
  counts.reference_length =
      std::min_element(references.begin(), references.end(), [&](const auto& a, const auto& b) {
        return distance(a) < distance(b);
      })->num_words;
  for (size_t n = 0; n < kMaxOrder; ++n) {
    counts.guessed[n] = std::max<int64_t>(0, hypothesis.num_words - static_cast<int64_t>(n));
    for (const auto& [ngram, guessed] : hypothesis.counts[n]) {
      int64_t allowed = 0;
      for (const Ngrams& reference : references) {
        const auto found = reference.counts[n].find(ngram);
        if (found != reference.counts[n].end()) allowed = std::max(allowed, found->second);
      }
      counts.correct[n] += std::min(guessed, allowed);
    }
  }
  return counts;
}

std::array<double, 4> scores_of(const BleuCounts& counts) {
  // The evaluation's own constants: with them a missing n-gram order gives nearly 0, not 0 / 0.
  constexpr double kTiny = 1e-15;
  constexpr double kSmall = 1e-9;
  const double ratio = (static_cast<double>(counts.hypothesis_length) + kTiny) /
                       (static_cast<double>(counts.reference_length) + kSmall);
  const double brevity = ratio < 1 ? std::exp(1 - 1 / ratio) : 1;
  std::array<double, 4> scores{};
  double product = 1;
  for (size_t n = 0; n < scores.size(); ++n) {
    product *= (static_cast<double>(counts.correct[n]) + kTiny) /
               (static_cast<double>(counts.guessed[n]) + kSmall);
    scores[n] = std::pow(product, 1 / static_cast<double>(n + 1)) * brevity;
  }
  return scores;
}

}  // namespace

BleuScores bleu(std::span<const CaptionSample> samples) {
  check_caption_samples(samples);
  BleuScores scores;
  BleuCounts total;
  for (const CaptionSample& sample : samples) {
    const BleuCounts counts = count(sample);
    scores.samples.push_back(scores_of(counts));
    for (size_t n = 0; n < kMaxOrder; ++n) {
      total.guessed[n] += counts.guessed[n];
      total.correct[n] += counts.correct[n];
    }
    total.hypothesis_length += counts.hypothesis_length;
    total.reference_length += counts.reference_length;
  }
  scores.corpus = scores_of(total);
  return scores;
}

}  // namespace blip2
