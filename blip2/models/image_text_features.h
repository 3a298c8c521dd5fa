// What the tasks see of a model that tells how well pictures and texts fit, whatever its family:
// features of many, cosines of all pairs (ITC), and matching logits of chosen pairs (ITM).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "blip2/models/language/bert.h"
#include "blip2/text/tokenizer.h"

namespace blip2 {

struct Bundle;

/// What a model says of its features.
struct FeatureFacts {
  int64_t num_image_features = 1;  ///< Q: one vector an image, or in BLIP-2 one a query
  int64_t width = 0;               ///< E
  int64_t max_positions = 0;       ///< tokens of a text, special ones included
  /// What cosines are divided by before a softmax over texts: learned by BLIP-2 and CLIP; 0.07
  /// where a file has none.
  double temperature = 0.07;
  bool has_matching = false;             ///< whether pairs() is there
  const Tokenizer* tokenizer = nullptr;  ///< of the texts
};

/// A model with features of pictures and texts. No gradients. All methods may be called by several
/// threads at once.
class ImageTextFeatures {
 public:
  virtual ~ImageTextFeatures() = default;

  virtual FeatureFacts facts() const = 0;

  /// The encoder's raw output [B, P, Dv] -> [B, Q, E], unit length.
  virtual at::Tensor images(const at::Tensor& image_embeds) const = 0;

  /// Right-padded ids and mask [M, T] -> [M, E], unit length.
  virtual at::Tensor texts(const at::Tensor& ids, const at::Tensor& mask) const = 0;

  /// Matching logits (no, yes) of texts about pictures: equally many texts about each picture, one
  /// after another. Raw image_embeds [B, P, Dv], texts of B * n rows -> [B * n, 2]. Only where
  /// facts().has_matching.
  virtual at::Tensor pairs(const at::Tensor& image_embeds, const Text& texts) const = 0;
};

/// Texts as ids, with or without their features.
struct TextFeatures {
  at::Tensor ids, mask;  // [M, T] int64
  at::Tensor projected;  // [M, E], unit length
};

// The functions below take what a bundle has. They throw kUnsupported for a model without
// image-text features. Large sets are computed in chunks.

/// Whether a model gives features of pictures and texts, and whether it has a matching head.
bool has_similarity(const Bundle& bundle);
bool has_matching(const Bundle& bundle);
/// FeatureFacts of the bundle.
FeatureFacts feature_facts(const Bundle& bundle);

/// The ids of texts alone, which is all that pair_logits() needs. `max_length` tokens, special ones
/// included; longer texts lose tokens before the last.
TextFeatures text_ids(const Bundle& bundle, const std::vector<std::string>& texts,
                      int64_t max_length);

/// The same with their features.
TextFeatures text_features(const Bundle& bundle, const std::vector<std::string>& texts,
                           int64_t max_length);

/// ITC's image features of raw encoder outputs [N, P, Dv]: [N, Q, E], unit length.
at::Tensor image_features(const Bundle& bundle, const at::Tensor& image_embeds);

/// Cosine of the best query for every pair: [N, Q, E] x [M, E] -> [N, M].
at::Tensor all_similarities(const at::Tensor& image_features, const at::Tensor& text_features);

/// Matching logits (no, yes) of the pairs (images[i], texts[i]): index vectors into image_embeds
/// (raw) and texts. [pairs, 2]. Throws kUnsupported for a model without a matching head.
at::Tensor pair_logits(const Bundle& bundle, const at::Tensor& image_embeds,
                       const TextFeatures& texts, const std::vector<int64_t>& images,
                       const std::vector<int64_t>& text_rows);

}  // namespace blip2
