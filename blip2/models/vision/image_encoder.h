// What the rest of the program sees of a frozen image encoder.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "blip2/nn/module.h"

namespace blip2 {

/// A frozen image encoder: pixels in, image tokens out, no graph.
class ImageEncoder {
 public:
  virtual ~ImageEncoder() = default;

  /// pixels [B, 3, H, W] float32, normalised -> raw image_embeds [B, P, Dv] float32, before the
  /// Q-Former's trainable layer norm.
  virtual at::Tensor encode(const at::Tensor& pixels) const = 0;

  /// Dv.
  virtual int64_t width() const = 0;

  /// The tensors under the names that the checkpoint has after `vision_model.`.
  virtual std::vector<NamedTensor> tensors() = 0;
};

}  // namespace blip2
