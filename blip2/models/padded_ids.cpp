#include "blip2/models/padded_ids.h"

#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "blip2/base/error.h"

namespace blip2 {

PaddedIds pad_ids(const std::vector<std::vector<int64_t>>& rows, PaddingSide side,
                  at::Device device, int64_t pad_id) {
  BLIP2_CHECK(!rows.empty());
  size_t longest = 0, shortest = rows.front().size();
  for (const std::vector<int64_t>& row : rows) {
    longest = std::max(longest, row.size());
    shortest = std::min(shortest, row.size());
  }
  const int64_t count = std::ssize(rows), length = static_cast<int64_t>(longest);
  PaddedIds padded{at::full({count, length}, pad_id, at::kLong),
                   at::zeros({count, length}, at::kLong), shortest != longest};
  for (int64_t i = 0; i < count; ++i) {
    const std::vector<int64_t>& row = rows[static_cast<size_t>(i)];
    const int64_t n = std::ssize(row);
    if (n == 0) continue;
    const int64_t first = side == PaddingSide::kLeft ? length - n : 0;
    padded.ids[i].narrow(0, first, n).copy_(at::tensor(at::ArrayRef<int64_t>(row), at::kLong));
    padded.mask[i].narrow(0, first, n).fill_(1);
  }
  padded.ids = padded.ids.to(device);
  padded.mask = padded.mask.to(device);
  return padded;
}

at::Tensor to_tensor(const std::vector<int64_t>& numbers, at::Device device) {
  return at::tensor(at::ArrayRef<int64_t>(numbers), at::kLong).to(device);
}

}  // namespace blip2
