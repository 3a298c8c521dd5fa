// Turns cosines, and ITM's logits where asked, into probabilities of labels.
#include "blip2/tasks/classifier.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"
#include "blip2/models/bundle.h"
#include "blip2/models/encode_pictures.h"
#include "blip2/models/similarity.h"
#include "blip2/nn/autocast.h"
#include "blip2/tasks/text_list.h"

namespace blip2 {
namespace {

/// exp(x - max), scaled to add up to `total`.
std::vector<double> softmax(std::vector<double> scores, double total) {
  const double best = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  for (double& score : scores) sum += score = std::exp(score - best);
  for (double& score : scores) score *= total / sum;
  return scores;
}

}  // namespace

struct Classifier::State {
  TextFeatures texts;
};

Classifier::Classifier(const Bundle& bundle, std::vector<std::string> labels, int64_t rerank,
                       int64_t max_text_length)
    : bundle_(bundle),
      labels_(std::move(labels)),
      rerank_(std::min(rerank, std::ssize(labels_))),
      state_(std::make_unique<State>()) {
  if (labels_.size() < 2) {
    fail(ErrorCode::kInvalidArgument, "--labels: expected at least two, found {}", labels_.size());
  }
  if (rerank_ < 0) {
    fail(ErrorCode::kInvalidArgument, "--rerank: expected at least 0, found {}", rerank_);
  }
  if (rerank_ > 0 && !has_matching(bundle_)) {
    fail(ErrorCode::kUnsupported, "--rerank: this model has no matching head");
  }
  const Autocast autocast(bundle_.arithmetic);
  state_->texts = text_features(bundle_, labels_, max_text_length);
}

Classifier::~Classifier() = default;

std::vector<Classification> Classifier::classify(const std::vector<Picture>& pictures) const {
  if (pictures.empty()) return {};
  const at::NoGradGuard no_grad;
  const Autocast autocast(bundle_.arithmetic);
  const at::Tensor embeds = encode_pictures(bundle_, pixels_of(pictures));
  const at::Tensor cosines =
      all_similarities(image_features(bundle_, embeds), state_->texts.projected)
          .to(at::kCPU, at::kDouble)
          .contiguous();  // [N, L]
  const double scale = 1 / feature_facts(bundle_).temperature;
  std::vector<Classification> rows;
  for (int64_t i = 0; i < cosines.size(0); ++i) {
    const double* row = cosines.const_data_ptr<double>() + i * cosines.size(1);
    std::vector<double> scores(row, row + cosines.size(1));
    for (double& score : scores) score *= scale;
    std::vector<double> probabilities = softmax(scores, 1);
    if (rerank_ > 0) {
      std::vector<int64_t> order(scores.size());
      std::iota(order.begin(), order.end(), int64_t{0});
      std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
        return scores[static_cast<size_t>(a)] > scores[static_cast<size_t>(b)];
      });
      order.resize(static_cast<size_t>(rerank_));
      const at::Tensor logits =
          pair_logits(bundle_, embeds, state_->texts, std::vector<int64_t>(order.size(), i), order);
      double share = 0;
      std::vector<double> matched;
      for (size_t k = 0; k < order.size(); ++k) {
        share += probabilities[static_cast<size_t>(order[k])];
        matched.push_back(row[order[k]] + logits[static_cast<int64_t>(k)][1].item<double>());
      }
      matched = softmax(matched, share);
      for (size_t k = 0; k < order.size(); ++k) {
        probabilities[static_cast<size_t>(order[k])] = matched[k];
      }
    }
    const auto best = std::max_element(probabilities.begin(), probabilities.end());
    rows.push_back({static_cast<size_t>(best - probabilities.begin()), std::move(probabilities)});
  }
  return rows;
}

std::vector<std::string> read_labels(const std::string& file_or_list) {
  std::error_code ignored;
  const bool is_file = std::filesystem::is_regular_file(file_or_list, ignored);
  if (!is_file && file_or_list.find(',') == std::string::npos) {
    fail(ErrorCode::kInvalidArgument,
         "--labels: expected a file, or two labels or more with commas between, found {}, which is "
         "no file",
         quote(file_or_list));
  }
  const TextListWords words = {"--labels", "a label"};
  const std::vector<std::string> labels =
      is_file ? read_text_list(file_or_list, words) : split_text_list(file_or_list, words);
  if (is_file && labels.size() < 2) {
    fail(ErrorCode::kInvalidArgument,
         "--labels: {}: expected two labels or more, a line each, found {}", file_or_list,
         labels.size());
  }
  return labels;
}

}  // namespace blip2
