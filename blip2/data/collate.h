// Samples -> tensors: token ids padded into one matrix, pixels stacked. The only file of the room
// that knows tensors.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

namespace blip2 {

struct TextBatch {
  at::Tensor ids;   ///< [B, T] int64
  at::Tensor mask;  ///< [B, T] int64: 1 where there is a token, 0 where there is padding
};

struct TextPadding {
  int64_t pad_id = 0;
  int64_t max_length = 32;       ///< longer rows lose tokens on the right
  bool keep_last_token = false;  ///< a row that is cut still ends in its last token (BERT's [SEP])
  int64_t fixed_length = 0;      ///< T; 0 = the longest row
};

/// Pads on the right. Throws kInvalidArgument for a max_length below 1 or above a fixed_length.
TextBatch pad_texts(const std::vector<std::vector<int64_t>>& texts, const TextPadding& padding);

/// Pictures as [3, height, width] each -> [B, 3, height, width] float32. Throws kInvalidArgument
/// for a picture of another size.
at::Tensor stack_pixels(const std::vector<std::span<const float>>& pictures, int64_t height,
                        int64_t width);

}  // namespace blip2
