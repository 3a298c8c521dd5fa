// What the tasks see of a model that tells how well pictures and texts fit, for every family:
// features of both, and matching logits of pairs. Sets of any size are similarity.h's.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "blip2/models/language/bert.h"
#include "blip2/text/tokenizer.h"

namespace blip2 {

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

}  // namespace blip2
