// The longest common subsequence.
#include "blip2/metrics/rouge.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <span>
#include <string>
#include <vector>

namespace blip2 {
namespace {

size_t longest_common_subsequence(const Words& a, const Words& b) {
  // lengths[j]: of what was read of `a`, and the first j words of `b`.
  std::vector<size_t> lengths(b.size() + 1, 0);
  for (const std::string& word : a) {
    size_t diagonal = 0;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t above = lengths[j + 1];
      lengths[j + 1] = word == b[j] ? diagonal + 1 : std::max(above, lengths[j]);
      diagonal = above;
    }
  }
  return lengths.back();
}

double f_measure(const CaptionSample& sample) {
  constexpr double kBetaSquared = 1.2 * 1.2;
  double precision = 0;
  double recall = 0;
  for (const Words& reference : sample.references) {
    const auto common =
        static_cast<double>(longest_common_subsequence(sample.hypothesis, reference));
    if (common == 0) continue;
    precision = std::max(precision, common / static_cast<double>(sample.hypothesis.size()));
    recall = std::max(recall, common / static_cast<double>(reference.size()));
  }
  if (precision == 0 || recall == 0) return 0;
  return (1 + kBetaSquared) * precision * recall / (recall + kBetaSquared * precision);
}

}  // namespace

CaptionScore rouge_l(std::span<const CaptionSample> samples) {
  check_caption_samples(samples);
  CaptionScore score;
  for (const CaptionSample& sample : samples) score.samples.push_back(f_measure(sample));
  score.corpus = std::accumulate(score.samples.begin(), score.samples.end(), 0.0) /
                 static_cast<double>(samples.size());
  return score;
}

}  // namespace blip2
