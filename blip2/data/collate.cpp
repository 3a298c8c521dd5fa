// Padding and stacking by plain copies into fresh tensors.
#include "blip2/data/collate.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "blip2/base/error.h"

namespace blip2 {

TextBatch pad_texts(const std::vector<std::vector<int64_t>>& texts, const TextPadding& padding) {
  if (padding.max_length < 1) {
    fail(ErrorCode::kInvalidArgument, "pad_texts: expected max_length of at least 1, found {}",
         padding.max_length);
  }
  if (padding.fixed_length != 0 && padding.fixed_length < padding.max_length) {
    fail(ErrorCode::kInvalidArgument, "pad_texts: expected fixed_length of at least {}, found {}",
         padding.max_length, padding.fixed_length);
  }
  const auto batch = static_cast<int64_t>(texts.size());
  const auto kept = [&](const std::vector<int64_t>& text) {
    return std::min(static_cast<int64_t>(text.size()), padding.max_length);
  };
  int64_t length = padding.fixed_length;
  if (length == 0) {
    for (const auto& text : texts) length = std::max(length, kept(text));
  }
  TextBatch result{.ids = at::full({batch, length}, padding.pad_id, at::kLong),  // [B, T]
                   .mask = at::zeros({batch, length}, at::kLong)};               // [B, T]
  int64_t* ids = result.ids.mutable_data_ptr<int64_t>();
  int64_t* mask = result.mask.mutable_data_ptr<int64_t>();
  for (const auto& text : texts) {
    const int64_t count = kept(text);
    std::copy_n(text.begin(), count, ids);
    std::fill_n(mask, count, 1);
    if (padding.keep_last_token && count > 0) ids[count - 1] = text.back();
    ids += length;
    mask += length;
  }
  return result;
}

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
