// Packed text: the rows of a batch of unequal lengths put end to end, so that padding is not
// computed. Everything that works row by row runs on [R, D]; only attention uses the padded layout,
// [B, T, D].
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace blip2 {

/// The rows of a right-padded batch [B, T] and the way between the two layouts; R real tokens in
/// all.
struct Packing {
  int64_t batch = 0;     ///< B
  int64_t length = 0;    ///< T, the longest row
  at::Tensor to_padded;  // [B*T] int64: the packed row of each padded slot (a pad slot: its row's
                         // first token)
  at::Tensor to_packed;  // [R] int64: the padded slot of each packed row
  at::Tensor positions;  // [R] int64: 0, 1, ... within each row
  at::Tensor mask;       // [B, T] float32: 1 = real token
};

/// mask: [B, T] of 0/1, ones first in every row, at least one per row.
Packing pack(const at::Tensor& mask);

/// As pack(), but padding may be anywhere in a row; `positions` are columns then, gaps included.
/// For attention that gets its padding mask from `mask`, not from the order alone.
Packing pack_with_gaps(const at::Tensor& mask);

/// True where no slot is padding.
bool is_full(const Packing& packing);

/// [R, D] -> [B, T, D]. Pad slots repeat a real row: masks keep them out of attention.
at::Tensor to_padded(const Packing& packing, const at::Tensor& rows);

/// [B, T, D] -> [R, D].
at::Tensor to_packed(const Packing& packing, const at::Tensor& padded);

/// Rows of a matrix by index, with a fast gradient: x [N, D], index [M] int64 -> [M, D].
at::Tensor gather_rows(const at::Tensor& x, const at::Tensor& index);

}  // namespace blip2
