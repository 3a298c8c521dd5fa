// Indices from a padding mask.
#include "blip2/nn/packing.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/nonzero.h>
#include <ATen/ops/where.h>

#include "blip2/base/error.h"

namespace blip2 {

at::Tensor gather_rows(const at::Tensor& x, const at::Tensor& index) {
  return at::embedding(x,
                       index);  // its gradient adds row by row in parallel; index_select's does not
}

Packing pack_with_gaps(const at::Tensor& mask) {
  BLIP2_CHECK(mask.dim() == 2);
  Packing packing;
  packing.batch = mask.size(0);
  packing.length = mask.size(1);
  const at::Tensor real = mask.to(at::kBool);  // [B, T]
  const at::Tensor lengths = real.sum(1);      // [B]
  BLIP2_CHECK(packing.batch > 0 && lengths.min().item<int64_t>() > 0);
  const at::Tensor first = (lengths.cumsum(0) - lengths).unsqueeze(1);           // [B, 1]
  const at::Tensor counted = real.reshape(-1).cumsum(0).view(real.sizes()) - 1;  // [B, T]
  packing.to_padded = at::where(real, counted, first).reshape(-1);               // [B*T]
  packing.to_packed = real.reshape(-1).nonzero().reshape(-1);                    // [R]
  packing.positions = packing.to_packed.remainder(packing.length);
  packing.mask = real.to(at::kFloat);
  return packing;
}

Packing pack(const at::Tensor& mask) {
  Packing packing = pack_with_gaps(mask);
  const at::Tensor lengths = packing.mask.sum(1, true);  // [B, 1]
  const at::Tensor columns = at::arange(packing.length, lengths.options()).unsqueeze(0);
  BLIP2_CHECK(at::equal(packing.mask, (columns < lengths).to(at::kFloat)));
  return packing;
}

bool is_full(const Packing& packing) {
  return packing.to_packed.size(0) == packing.batch * packing.length;
}

at::Tensor to_padded(const Packing& packing, const at::Tensor& rows) {
  return gather_rows(rows, packing.to_padded).view({packing.batch, packing.length, rows.size(1)});
}

at::Tensor to_packed(const Packing& packing, const at::Tensor& padded) {
  return gather_rows(padded.reshape({packing.batch * packing.length, padded.size(2)}),
                     packing.to_packed);
}

}  // namespace blip2
