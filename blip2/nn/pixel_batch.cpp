// Stacking by plain copies into a fresh tensor.
#include "blip2/nn/pixel_batch.h"

#include <ATen/ops/empty.h>

#include <algorithm>

#include "blip2/base/error.h"

namespace blip2 {

at::Tensor stack_pixels(const std::vector<std::span<const float>>& pictures, int64_t height,
                        int64_t width) {
  const int64_t size = 3 * height * width;
  for (const auto& picture : pictures) {
    if (static_cast<int64_t>(picture.size()) != size) {
      fail(ErrorCode::kInvalidArgument, "stack_pixels: expected 3 x {} x {} = {} values, found {}",
           height, width, size, picture.size());
    }
  }
  at::Tensor result =
      at::empty({static_cast<int64_t>(pictures.size()), 3, height, width}, at::kFloat);
  float* values = result.mutable_data_ptr<float>();
  for (const auto& picture : pictures) values = std::copy(picture.begin(), picture.end(), values);
  return result;
}

}  // namespace blip2
