// Zero-shot classification: which of a list of labels fits a picture best.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "blip2/tasks/pictures.h"

namespace blip2 {

struct Bundle;

struct Classification {
  size_t best = 0;                    ///< place of the most probable label
  std::vector<double> probabilities;  ///< of each label; they add up to 1
};

/// The labels are encoded once. The bundle must outlive it.
class Classifier {
 public:
  /// `rerank`: how many labels, the best by ITC, ITM chooses among; 0: ITC alone. Throws
  /// kUnsupported for a model without image-text features (or, with rerank, without a matching
  /// head); kInvalidArgument for fewer than two labels.
  Classifier(const Bundle& bundle, std::vector<std::string> labels, int64_t rerank,
             int64_t max_text_length);
  ~Classifier();

  /// By ITC: softmax of cosine / temperature. Labels that are re-ranked divide the sum of their
  /// probabilities by a softmax of cosine + ITM's logit.
  std::vector<Classification> classify(const std::vector<Picture>& pictures) const;

 private:
  struct State;
  const Bundle& bundle_;
  std::vector<std::string> labels_;
  int64_t rerank_;
  std::unique_ptr<State> state_;
};

/// Labels from a file, a line each, or from a list separated by commas. Throws kInvalidArgument for
/// an empty label or one named twice.
std::vector<std::string> read_labels(const std::string& file_or_list);

}  // namespace blip2
