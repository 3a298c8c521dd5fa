// Token ids of texts of unequal lengths as one tensor.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace blip2 {

struct PaddedIds {
  at::Tensor ids;   // [N, T] int64
  at::Tensor mask;  // [N, T] int64 of 0/1
  bool has_padding = false;
};

enum class PaddingSide { kLeft, kRight };

/// `rows`: at least one. Padding slots hold `pad_id`.
PaddedIds pad_ids(const std::vector<std::vector<int64_t>>& rows, PaddingSide side,
                  at::Device device, int64_t pad_id = 0);

/// Numbers as a tensor [N] int64.
at::Tensor to_tensor(const std::vector<int64_t>& numbers, at::Device device);

}  // namespace blip2
