// A model's scores on a data set: retrieval both ways by ITC alone and re-ranked by ITM, matching
// accuracy, and captions against references.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "blip2/data/source.h"
#include "blip2/generate/options.h"
#include "blip2/image/decode.h"
#include "blip2/metrics/recall.h"
#include "blip2/tasks/failed_input.h"

namespace blip2 {

struct Bundle;

struct EvaluationOptions {
  int64_t batch_size = 16;
  int64_t max_text_length = 35;  ///< LAVIS evaluates retrieval with 35 tokens
  int64_t rerank = 128;  ///< candidates of a query that ITM re-ranks (LAVIS k_test); 0 = none
  uint64_t seed = 42;
  DecodeOptions decode = {};
  std::function<void(int64_t records)>
      progress;  ///< called with how many more are done; may be empty
  /// Told about inputs that cannot be used: they are left out, and num_failed counts them. Empty:
  /// the first one throws.
  FailedInput failed = {};
};

struct RetrievalEvaluation {
  int64_t num_images = 0, num_texts = 0, num_failed = 0;
  bool has_matching = false;  ///< else what ITM gives stays 0: CLIP
  RetrievalScores itc;        ///< percent; a picture's own texts alone are right (LAVIS)
  RetrievalScores reranked;   ///< score = ITM logit + cosine for the best `rerank` (LAVIS 1.0.2,
                              ///< models/blip2_models/blip2.py: compute_sim_matrix)
  RetrievalScores chance;
  /// Of each picture with its first caption and one negative caption, percent. Random: uniform
  /// among the texts that differ from all of its own; hard: drawn from the softmax of the
  /// similarities, as in training.
  double itm_accuracy_random = 0, itm_accuracy_hard = 0;
  std::vector<std::string> images;   ///< paths, rows of `similarity`
  std::vector<std::string> texts;    ///< columns
  std::vector<int64_t> text_images;  ///< row of the picture that each text is listed under
  std::vector<int64_t> first_texts;  ///< column of each picture's first caption
  std::vector<float> similarity;     ///< cosines [num_images, num_texts]
};

/// Every caption of every record is a text. Throws kUnsupported for a model without ITC, kNotFound
/// if no picture can be used.
RetrievalEvaluation evaluate_retrieval(const Bundle& bundle, const Source& source,
                                       const EvaluationOptions& options = {});

struct CaptionEvaluation {
  std::vector<Record> pictures;  ///< the first record of each, with all references
  int64_t num_failed = 0;
  std::vector<std::string> images, captions;
  std::vector<std::vector<std::string>> references;
  double bleu[4] = {};  ///< fractions, as pycocoevalcap
  double rouge_l = 0;
  double cider = 0;
  double noun_accuracy = 0;  ///< percent: the head noun of a reference occurs in the caption
  int64_t distinct = 0;      ///< different captions
};

/// One caption a picture, against the references of all its records. Throws kNotFound if no picture
/// can be used.
CaptionEvaluation evaluate_captions(const Bundle& bundle, const Source& source,
                                    const GenerationOptions& generation, const std::string& prompt,
                                    const EvaluationOptions& options = {});

}  // namespace blip2
