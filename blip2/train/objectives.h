// The losses of BLIP-2's two stages and the choice of ITM's negatives, as pure functions of
// gathered tensors: similarities or logits in, a scalar out. They know no model and no rank.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace blip2 {

/// Where B local rows stand among N global columns, and which pairs are no negatives.
struct PairTable {
  int64_t first =
      0;  ///< the global index of local row 0 (rank * B): row b's own column is first + b
  at::Tensor excluded;  ///< [B, N] bool, or undefined: pairs that are no negatives; own pairs are
                        ///< not in it
  at::Tensor positives = {};  ///< [B, N] bool, or undefined: pairs of one picture, own pairs too,
                              ///< that are as good as the own (retrieval fine-tuning)
};

/// Image-text contrast (section 3.2; LAVIS 1.0.2, models/blip2_models/blip2_qformer.py): the mean
/// of the two cross-entropies of the own pair against all others, label smoothing 0.1. Similarities
/// [B, N], already divided by the temperature. Excluded pairs leave the softmax, and the smoothing
/// is spread over the classes that stay. Where there are `positives`, they share the target of the
/// own pair evenly, and nothing else is excluded.
at::Tensor contrastive_loss(const at::Tensor& image_to_text, const at::Tensor& text_to_image,
                            const PairTable& pairs, double label_smoothing = 0.1);

/// How likely each column is drawn as ITM's negative of a row: softmax of the similarities (hard)
/// or uniform, without the own, the excluded and the positive pairs; no epsilon, as in LAVIS's
/// repository (models/blip2_models/blip2_qformer.py; its release 1.0.2 adds 1e-4). [B, N]. A row
/// that has nothing left falls back to every column but its own.
enum class Negatives { kUniform, kHard };
at::Tensor negative_weights(const at::Tensor& similarity, const PairTable& pairs, Negatives kind);

/// One column drawn from each row of `weights` [B, N] by the numbers `uniform` [B] in [0, 1). [B]
/// int64.
at::Tensor draw_columns(const at::Tensor& weights, const std::vector<double>& uniform);

/// Image-text matching: two-class cross-entropy of logits [M, 2] against labels [M] (1 = match), no
/// smoothing.
at::Tensor matching_loss(const at::Tensor& logits, const at::Tensor& labels);

/// How alike the queries of a picture are: the mean cosine squared over all pairs of different
/// queries [B, Q, D]; 1 = they all say the same, about 1 / D = at random. Not in the paper: a small
/// Q-Former on few pictures lets its queries fall together (ITC takes the best of them, and spread
/// makes negatives score higher), and a language model then reads one soft token Q times.
at::Tensor query_similarity(const at::Tensor& queries);

/// Language modelling at the targets: mean cross-entropy of logits [M, V] against [M]. ITG smooths
/// by 0.1, stage 2 does not.
at::Tensor language_modelling_loss(const at::Tensor& logits, const at::Tensor& targets,
                                   double label_smoothing);

}  // namespace blip2
