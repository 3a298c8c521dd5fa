// TF-IDF vectors of n-grams and their cosines.
#include "blip2/metrics/cider.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <numeric>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "blip2/metrics/ngrams.h"

namespace blip2 {
namespace {

using DocumentFrequency = std::map<std::string, int64_t>;

/// A sentence as tf-idf vectors, one for each n-gram order.
struct WeightedNgrams {
  std::array<std::map<std::string, double>, kMaxOrder> weights;
  std::array<double, kMaxOrder> norms{};
  double length = 0;
};

WeightedNgrams weigh(const Ngrams& ngrams, const DocumentFrequency& frequency, double log_images) {
  WeightedNgrams vector;
  for (size_t n = 0; n < kMaxOrder; ++n) {
    double squares = 0;
    for (const auto& [ngram, count] : ngrams.counts[n]) {
      const auto found = frequency.find(ngram);
      const double images = found == frequency.end() ? 1 : static_cast<double>(found->second);
      const double weight = static_cast<double>(count) * (log_images - std::log(images));
      vector.weights[n].emplace(ngram, weight);
      squares += weight * weight;
    }
    vector.norms[n] = std::sqrt(squares);
  }
  // The original takes the number of bigrams for the length; only differences of it count.
  vector.length = static_cast<double>(std::max<int64_t>(0, ngrams.num_words - 1));
  return vector;
}

double similarity(const WeightedNgrams& hypothesis, const WeightedNgrams& reference) {
  constexpr double kSigma = 6;
  const double difference = hypothesis.length - reference.length;
  const double length_penalty = std::exp(-difference * difference / (2 * kSigma * kSigma));
  double sum = 0;
  for (size_t n = 0; n < kMaxOrder; ++n) {
    double product = 0;
    for (const auto& [ngram, weight] : hypothesis.weights[n]) {
      const auto found = reference.weights[n].find(ngram);
      if (found == reference.weights[n].end()) continue;
      product += std::min(weight, found->second) * found->second;
    }
    const double norms = hypothesis.norms[n] * reference.norms[n];
    if (norms != 0) sum += product / norms * length_penalty;
  }
  return sum / kMaxOrder;
}

}  // namespace

CaptionScore cider(std::span<const CaptionSample> samples) {
  check_caption_samples(samples);
  std::vector<std::vector<Ngrams>> references(samples.size());
  DocumentFrequency frequency;
  for (size_t i = 0; i < samples.size(); ++i) {
    std::set<std::string> seen;
    for (const Words& reference : samples[i].references) {
      references[i].push_back(count_ngrams(reference));
      for (const auto& counts : references[i].back().counts) {
        for (const auto& [ngram, count] : counts) seen.insert(ngram);
      }
    }
    for (const std::string& ngram : seen) ++frequency[ngram];
  }

  const double log_images = std::log(static_cast<double>(samples.size()));
  CaptionScore score;
  for (size_t i = 0; i < samples.size(); ++i) {
    const auto hypothesis = weigh(count_ngrams(samples[i].hypothesis), frequency, log_images);
    double sum = 0;
    for (const Ngrams& reference : references[i]) {
      sum += similarity(hypothesis, weigh(reference, frequency, log_images));
    }
    score.samples.push_back(10 * sum / static_cast<double>(references[i].size()));
  }
  score.corpus = std::accumulate(score.samples.begin(), score.samples.end(), 0.0) /
                 static_cast<double>(samples.size());
  return score;
}

}  // namespace blip2
