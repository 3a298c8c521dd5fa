// The losses of both stages and the choice of ITM's negatives, as pure functions of gathered
// tensors: similarities or logits in, a scalar out. They know no model and no ranks.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace blip2 {

/// Which of the pairs of B local rows and N global columns are not negatives.
struct PairTable {
  /// The global index of local row 0 (rank * B): row b's own column is first + b.
  int64_t first = 0;
  /// [B, N] bool, or undefined: pairs that are neither positive nor negative; never own pairs.
  at::Tensor excluded;
  /// [B, N] bool, or undefined: pairs that are as positive as the own ones, which it contains:
  /// those of the same picture (retrieval fine-tuning).
  at::Tensor positives = {};
};

/// Image-text contrast (section 3.2; LAVIS 1.0.2, models/blip2_models/blip2_qformer.py): the mean
/// of the two cross-entropies of the own pair against all pairs, with label smoothing. Similarities
/// [B, N], already divided by the temperature. The softmax and the smoothing leave out excluded
/// pairs. If there are `positives`, they share the target of the own pair evenly; `excluded` must
/// be undefined then.
at::Tensor contrastive_loss(const at::Tensor& image_to_text, const at::Tensor& text_to_image,
                            const PairTable& pairs, double label_smoothing = 0.1);

enum class Negatives { kUniform, kHard };

/// The probability of each column to be drawn as ITM's negative of a row, [B, N]: the softmax of
/// the similarities (hard) or uniform, over the pairs that are not own, excluded or positive. A row
/// without such pairs takes all columns except its own. No epsilon is added, as in LAVIS's
/// repository (models/blip2_models/blip2_qformer.py); its release 1.0.2 adds 1e-4.
at::Tensor negative_weights(const at::Tensor& similarity, const PairTable& pairs, Negatives kind);

/// Draws one column from each row of `weights` [B, N], by the B numbers `uniform` in [0, 1). [B]
/// int64.
at::Tensor draw_columns(const at::Tensor& weights, const std::vector<double>& uniform);

/// Image-text matching: two-class cross-entropy of logits [M, 2] against labels [M] (1 = match),
/// without smoothing.
at::Tensor matching_loss(const at::Tensor& logits, const at::Tensor& labels);

/// The similarity of a picture's queries [B, Q, D]: the mean squared cosine over all pairs of
/// different queries; 1 for equal queries, about 1 / D for random ones. Not in the paper. It keeps
/// the queries of a small Q-Former, trained on few pictures, from becoming equal, after which a
/// language model reads the same soft token Q times. (ITC takes the best query, and different
/// queries raise the scores of negatives.)
at::Tensor query_similarity(const at::Tensor& queries);

/// Language modelling: the mean cross-entropy of logits [M, V] against targets [M]. ITG smooths by
/// 0.1, stage 2 by 0.
at::Tensor language_modelling_loss(const at::Tensor& logits, const at::Tensor& targets,
                                   double label_smoothing);

}  // namespace blip2
