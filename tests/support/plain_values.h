// A tensor's elements as plain numbers.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace blip2::testing {

/// Row by row. The tensor is contiguous and of type T.
template <typename T>
std::vector<T> plain_values(const at::Tensor& tensor) {
  return {tensor.data_ptr<T>(), tensor.data_ptr<T>() + tensor.numel()};
}

}  // namespace blip2::testing
