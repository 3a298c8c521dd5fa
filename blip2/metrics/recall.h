// Retrieval: how often the right picture or text is among the K best, both ways. It ranks scores
// that it is given and knows nothing of models.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace blip2 {

/// All scores of a set of images against a set of texts, higher is better. A text is right for an
/// image if their groups are equal, as with the image's own number for its several texts.
struct RetrievalProblem {
  int64_t num_images = 0;
  int64_t num_texts = 0;
  std::span<const float> similarity;      ///< row-major [num_images, num_texts]
  std::span<const int64_t> image_groups;  ///< [num_images]
  std::span<const int64_t> text_groups;   ///< [num_texts]
  std::span<const int64_t> words = {};    ///< [num_texts], equal for equal texts; empty: none are
};

/// Recalls in percent. `txt` finds a text for an image, `img` an image for a text; names as in
/// LAVIS.
struct RetrievalScores {
  double txt_r1 = 0, txt_r5 = 0, txt_r10 = 0, txt_r_mean = 0;
  double img_r1 = 0, img_r5 = 0, img_r10 = 0, img_r_mean = 0;
  double r_mean = 0;
};

/// R@K counts a query if the best of its right answers has fewer than K wrong ones before it. Wrong
/// answers with an equal score count as before it, unless they say the same, and NaN is the worst
/// score of a right answer and the best of a wrong one: a model that gives one score to everything
/// has recall 0, not 100.
/// Throws kInvalidArgument if sizes disagree, or if a query has no right answer.
RetrievalScores retrieval_scores(const RetrievalProblem& problem);

/// The recalls expected of a random order, for the same groups; scores are not read.
RetrievalScores chance_scores(const RetrievalProblem& problem);

/// For each image the rank (from 0) of its best right text, counted as above.
std::vector<int64_t> text_ranks(const RetrievalProblem& problem);
/// For each text the rank (from 0) of its best right image.
std::vector<int64_t> image_ranks(const RetrievalProblem& problem);

/// The scores with their names, in the order of reports.
std::vector<std::pair<std::string_view, double>> named_scores(const RetrievalScores& scores);

}  // namespace blip2
