// What the rest of the program sees of an image encoder.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/nn/module.h"
#include "blip2/nn/recompute.h"

namespace blip2 {

/// An image encoder: pixels in, image tokens out; frozen but in fine-tuning.
class ImageEncoder {
 public:
  virtual ~ImageEncoder() = default;

  /// pixels [B, 3, H, W] float32, normalised -> raw image_embeds [B, P, Dv] float32, before the
  /// Q-Former's trainable layer norm. No graph.
  virtual at::Tensor encode(const at::Tensor& pixels) const = 0;

  /// The same with a graph into tensors(), which are float32. Throws kUnsupported for an encoder
  /// that is for inference only.
  virtual at::Tensor encode_with_graph(const at::Tensor&, Activations) const {
    fail(ErrorCode::kUnsupported, "this image encoder is for inference only: it cannot be trained");
  }

  /// Dv.
  virtual int64_t width() const = 0;

  /// The tensors under the names that the checkpoint has after `vision_model.`.
  virtual std::vector<NamedTensor> tensors() = 0;
};

}  // namespace blip2
