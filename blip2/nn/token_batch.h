// Token ids of texts of unequal lengths as one padded tensor.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <limits>
#include <vector>

namespace blip2 {

struct TokenBatch {
  at::Tensor ids;            ///< [B, T] int64
  at::Tensor mask;           ///< [B, T] int64: 1 where there is a token, 0 where there is padding
  bool has_padding = false;  ///< whether any row is shorter than T
};

enum class PaddingSide { kLeft, kRight };

struct TokenPadding {
  PaddingSide side = PaddingSide::kRight;
  int64_t pad_id = 0;
  /// Longer rows are truncated on the right.
  int64_t max_length = std::numeric_limits<int64_t>::max();
  bool keep_last_token = false;  ///< a truncated row still ends in its last token (BERT's [SEP])
  int64_t fixed_length = 0;      ///< T; 0: the length of the longest row
};

/// Pads the rows, on the CPU. Throws kInvalidArgument for a max_length below 1 or above a
/// fixed_length.
TokenBatch pad_ids(const std::vector<std::vector<int64_t>>& rows, const TokenPadding& padding = {});
/// The same on a device.
TokenBatch pad_ids(const std::vector<std::vector<int64_t>>& rows, at::Device device,
                   const TokenPadding& padding = {});

/// Numbers as a tensor [B] int64.
at::Tensor to_tensor(const std::vector<int64_t>& numbers, at::Device device);

}  // namespace blip2
