// Whether weights are numbers: NaN and infinities, found and counted.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "blip2/checkpoint/source.h"

namespace blip2 {

/// Whether no element is NaN or infinite. One pass, as fast as memory, without a temporary.
bool is_finite(const at::Tensor& tensor);

/// A tensor with values that are not finite.
struct NotFinite {
  std::string name;
  int64_t num_nan = 0;
  int64_t num_infinite = 0;
};

/// Counts of a tensor that is not finite.
NotFinite count_not_finite(const std::string& name, const at::Tensor& tensor);
/// "1 NaN, 2 infinite".
std::string counts_text(const NotFinite& tensor);

/// The tensors that are not finite, by name. Reads every floating-point tensor of the source.
std::vector<NotFinite> not_finite_tensors(const TensorSource& source);

/// Throws kCorruptData, with the source and the first few names, where there are any.
void require_finite(const TensorSource& source);

}  // namespace blip2
