// Padding by plain copies into fresh tensors.
#include "blip2/nn/token_batch.h"

#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "blip2/base/error.h"
#include "blip2/base/limits.h"

namespace blip2 {

TokenBatch pad_ids(const std::vector<std::vector<int64_t>>& rows, const TokenPadding& padding) {
  require_within("padding", "max_length", padding.max_length, at_least(1));
  if (padding.fixed_length != 0 && padding.fixed_length < padding.max_length) {
    fail(ErrorCode::kInvalidArgument, "padding: fixed_length: expected at least {}, found {}",
         padding.max_length, padding.fixed_length);
  }
  const auto kept = [&](const std::vector<int64_t>& row) {
    return std::min(static_cast<int64_t>(row.size()), padding.max_length);
  };
  const auto batch = static_cast<int64_t>(rows.size());
  int64_t length = padding.fixed_length;
  if (length == 0) {
    for (const auto& row : rows) length = std::max(length, kept(row));
  }
  TokenBatch result{.ids = at::full({batch, length}, padding.pad_id, at::kLong),  // [B, T]
                    .mask = at::zeros({batch, length}, at::kLong)};               // [B, T]
  int64_t* ids = result.ids.mutable_data_ptr<int64_t>();
  int64_t* mask = result.mask.mutable_data_ptr<int64_t>();
  for (const auto& row : rows) {
    const int64_t count = kept(row);
    const int64_t first = padding.side == PaddingSide::kLeft ? length - count : 0;
    std::copy_n(row.begin(), count, ids + first);
    std::fill_n(mask + first, count, 1);
    if (padding.keep_last_token && count > 0) ids[first + count - 1] = row.back();
    result.has_padding = result.has_padding || count < length;
    ids += length;
    mask += length;
  }
  return result;
}

TokenBatch pad_ids(const std::vector<std::vector<int64_t>>& rows, at::Device device,
                   const TokenPadding& padding) {
  TokenBatch batch = pad_ids(rows, padding);
  batch.ids = batch.ids.to(device);
  batch.mask = batch.mask.to(device);
  return batch;
}

at::Tensor to_tensor(const std::vector<int64_t>& numbers, at::Device device) {
  return at::tensor(at::ArrayRef<int64_t>(numbers), at::kLong).to(device);
}

}  // namespace blip2
