// Filling the parts of a layout with the directory's weights.
#pragma once

#include <ATen/core/Tensor.h>

#include "blip2/models/directory/layout.h"

namespace blip2 {

/// What happens to the tensors of frozen parts.
struct FillOptions {
  /// true: float32 copies, which may be trained. false: views of the mapped file where dtypes
  /// agree; parts that compute in the dtype of their file keep it.
  bool copy = false;
  /// Whether every weight is checked for NaN and infinities, which reads the whole file: a model
  /// that answers reads it anyway. The Q-Former and its heads always are: they are small.
  bool check_finite = false;
};

/// Fills every part of `layout` and moves it to `device`. Strict. Throws as load().
void fill(Layout& layout, const TensorSource& weights, at::Device device,
          const FillOptions& options = {});

/// Moves tensors that are not there yet.
void move_to(const std::vector<NamedTensor>& tensors, at::Device device);

}  // namespace blip2
