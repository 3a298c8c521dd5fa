// The formulae, in the order of the header.
#include "blip2/train/objectives.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>

#include "blip2/base/error.h"
#include "blip2/nn/autocast.h"
#include "blip2/nn/masks.h"
#include "blip2/nn/norm.h"

namespace blip2 {
namespace {

/// The own column of each row, [B, 1] int64.
at::Tensor own_columns(const at::Tensor& similarity, const PairTable& pairs) {
  BLIP2_CHECK(similarity.dim() == 2 && pairs.first >= 0);
  BLIP2_CHECK(pairs.first + similarity.size(0) <= similarity.size(1));
  return at::arange(pairs.first, pairs.first + similarity.size(0),
                    similarity.options().dtype(at::kLong))
      .unsqueeze(1);
}

/// Cross-entropy against a target that all captions of a picture share (LAVIS's repository,
/// models/blip2_models/blip2_qformer.py, with image_id).
at::Tensor shared_cross_entropy(const at::Tensor& similarity, const at::Tensor& positives,
                                double smoothing) {
  BLIP2_CHECK(positives.sizes() == similarity.sizes());
  const at::Tensor shares = positives.to(similarity.scalar_type());
  const at::Tensor targets = (1.0 - smoothing) * shares / shares.sum(1, true) +
                             smoothing / static_cast<double>(similarity.size(1));
  return -(at::log_softmax(similarity, 1) * targets).sum(1).mean();
}

at::Tensor smoothed_cross_entropy(const at::Tensor& similarity, const PairTable& pairs,
                                  double smoothing) {
  if (pairs.positives.defined()) {
    BLIP2_CHECK(!pairs.excluded.defined());
    return shared_cross_entropy(similarity, pairs.positives, smoothing);
  }
  const at::Tensor own = own_columns(similarity, pairs);
  if (!pairs.excluded.defined()) {
    return at::cross_entropy_loss(similarity, own.squeeze(1), {}, at::Reduction::Mean, -100,
                                  smoothing);
  }
  BLIP2_CHECK(pairs.excluded.sizes() == similarity.sizes());
  const at::Tensor kept = pairs.excluded.logical_not();
  const at::Tensor log_p = at::log_softmax(similarity.masked_fill(pairs.excluded, kMasked), 1);
  const at::Tensor others = log_p.masked_fill(pairs.excluded, 0.0).sum(1) / kept.sum(1);
  return -((1.0 - smoothing) * log_p.gather(1, own).squeeze(1) + smoothing * others).mean();
}

}  // namespace

at::Tensor contrastive_loss(const at::Tensor& image_to_text, const at::Tensor& text_to_image,
                            const PairTable& pairs, double label_smoothing) {
  return 0.5 * (smoothed_cross_entropy(image_to_text, pairs, label_smoothing) +
                smoothed_cross_entropy(text_to_image, pairs, label_smoothing));
}

at::Tensor negative_weights(const at::Tensor& similarity, const PairTable& pairs, Negatives kind) {
  const at::Tensor own = own_columns(similarity, pairs);
  const at::Tensor scores =
      kind == Negatives::kHard ? similarity.detach() : at::zeros_like(similarity);
  const at::Tensor no_own = scores.scatter(1, own, kMasked);
  const at::Tensor& no_negatives = pairs.positives.defined() ? pairs.positives : pairs.excluded;
  if (!no_negatives.defined()) return at::softmax(no_own, 1);
  const at::Tensor barred = no_negatives.scatter(1, own, true);
  const at::Tensor nothing_left = barred.all(1, true);  // [B, 1]
  return at::softmax(at::where(barred.logical_and(nothing_left.logical_not()),
                               at::full_like(no_own, kMasked), no_own),
                     1);
}

at::Tensor draw_columns(const at::Tensor& weights, const std::vector<double>& uniform) {
  BLIP2_CHECK(weights.dim() == 2 && weights.size(0) == static_cast<int64_t>(uniform.size()));
  const at::Tensor cumulative = weights.to(at::kCPU, at::kDouble).cumsum(1);
  const at::Tensor total = cumulative.select(1, cumulative.size(1) - 1).unsqueeze(1);
  const at::Tensor threshold = at::tensor(at::ArrayRef<double>(uniform), at::kDouble).unsqueeze(1);
  const at::Tensor drawn = (cumulative <= threshold * total).sum(1);
  return drawn.clamp_max(weights.size(1) - 1).to(weights.device());
}

at::Tensor matching_loss(const at::Tensor& logits, const at::Tensor& labels) {
  return at::cross_entropy_loss(logits, labels);
}

at::Tensor query_similarity(const at::Tensor& queries) {
  BLIP2_CHECK(queries.dim() == 3);
  const int64_t num_queries = queries.size(1);
  if (num_queries == 1) return queries.sum() * 0;
  const Autocast exact(Arithmetic::kFloat32);
  const at::Tensor unit = normalize(queries);
  const at::Tensor squares = at::matmul(unit, unit.transpose(1, 2)).square();  // [B, Q, Q]
  const double pairs = static_cast<double>(queries.size(0) * num_queries * (num_queries - 1));
  return (squares.sum() - squares.diagonal(0, 1, 2).sum()) / pairs;
}

at::Tensor language_modelling_loss(const at::Tensor& logits, const at::Tensor& targets,
                                   double label_smoothing) {
  return at::cross_entropy_loss(widened(logits), targets, {}, at::Reduction::Mean, -100,
                                label_smoothing);
}

}  // namespace blip2
