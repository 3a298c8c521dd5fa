// Candidates and references tokenised, with checks.
#include "blip2/metrics/caption_sample.h"

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "blip2/base/error.h"

namespace blip2 {

std::vector<CaptionSample> caption_samples(std::span<const std::string> hypotheses,
                                           std::span<const std::vector<std::string>> references) {
  if (hypotheses.size() != references.size()) {
    fail(ErrorCode::kInvalidArgument,
         "caption scores: expected as many captions as sets of references, found {} and {}",
         hypotheses.size(), references.size());
  }
  std::vector<std::string> flat_references;
  for (const auto& captions : references) {
    flat_references.insert(flat_references.end(), captions.begin(), captions.end());
  }
  std::vector<Words> hypothesis_words = corpus_words(hypotheses);
  std::vector<Words> reference_words = corpus_words(flat_references);

  std::vector<CaptionSample> samples(hypotheses.size());
  size_t next = 0;
  for (size_t i = 0; i < samples.size(); ++i) {
    samples[i].hypothesis = std::move(hypothesis_words[i]);
    for (size_t k = 0; k < references[i].size(); ++k) {
      samples[i].references.push_back(std::move(reference_words[next++]));
    }
  }
  check_caption_samples(samples);
  return samples;
}

void check_caption_samples(std::span<const CaptionSample> samples) {
  if (samples.empty()) {
    fail(ErrorCode::kInvalidArgument, "caption scores: expected at least one caption, found none");
  }
  for (size_t i = 0; i < samples.size(); ++i) {
    if (samples[i].references.empty()) {
      fail(ErrorCode::kInvalidArgument,
           "caption scores: expected at least one reference for caption {}, found none", i);
    }
  }
}

}  // namespace blip2
