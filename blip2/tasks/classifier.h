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
  /// `rerank`: ITM chooses among the so many labels that ITC finds best; 0: ITC alone. Throws
  /// kUnsupported for a model without image-text features (or, with rerank, without a matching
  /// head); kInvalidArgument for fewer than two labels.
  Classifier(const Bundle& bundle, std::vector<std::string> labels, int64_t rerank,
             int64_t max_text_length);
  ~Classifier();

  /// By ITC: softmax of cosine / temperature. Of those that are re-ranked: their part of the
  /// probability, shared out by softmax of cosine + ITM's logit.
  std::vector<Classification> classify(const std::vector<Picture>& pictures) const;

  const std::vector<std::string>& labels() const { return labels_; }

 private:
  struct State;
  const Bundle& bundle_;
  std::vector<std::string> labels_;
  int64_t rerank_;
  std::unique_ptr<State> state_;
};

/// Labels of a file (a line each), or of a list with commas between. Throws kInvalidArgument for an
/// empty label or one named twice.
std::vector<std::string> read_labels(const std::string& file_or_list);

}  // namespace blip2
