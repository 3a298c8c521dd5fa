// Masks from ranges and padding.
#include "blip2/nn/masks.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <limits>

#include "blip2/base/error.h"

namespace blip2 {
namespace {

/// [T, T] of 0/1 float: row t sees columns 0..t.
at::Tensor lower_triangle(int64_t size, const at::TensorOptions& options) {
  const at::Tensor positions = at::arange(size, options.dtype(at::kLong));
  return (positions.unsqueeze(0) <= positions.unsqueeze(1)).to(at::kFloat);
}

at::Tensor additive(const at::Tensor& allowed) { return (1.0 - allowed) * kMasked; }

/// [B, Q + T]: ones for the queries, then the text's padding mask.
at::Tensor with_queries(const at::Tensor& text_mask, int64_t num_queries) {
  BLIP2_CHECK(text_mask.dim() == 2);
  const at::Tensor text = text_mask.to(at::kFloat);
  return at::cat({at::ones({text.size(0), num_queries}, text.options()), text}, 1);
}

}  // namespace

at::Tensor unimodal_mask(const at::Tensor& text_mask) {
  BLIP2_CHECK(text_mask.dim() == 2);
  return additive(text_mask.to(at::kFloat)).unsqueeze(1).unsqueeze(1);
}

at::Tensor bidirectional_mask(const at::Tensor& text_mask, int64_t num_queries) {
  return additive(with_queries(text_mask, num_queries)).unsqueeze(1).unsqueeze(1);
}

at::Tensor multimodal_causal_mask(const at::Tensor& text_mask, int64_t num_queries) {
  const at::Tensor keys = with_queries(text_mask, num_queries);
  const int64_t length = text_mask.size(1);
  const at::Tensor rows = at::cat(
      {at::ones({length, num_queries}, keys.options()), lower_triangle(length, keys.options())},
      1);                                                               // [T, Q + T]
  return additive(rows.unsqueeze(0) * keys.unsqueeze(1)).unsqueeze(1);  // [B, 1, T, Q + T]
}

at::Tensor multimodal_causal_mask_joint(const at::Tensor& text_mask, int64_t num_queries) {
  const at::Tensor keys = with_queries(text_mask, num_queries);
  const int64_t length = text_mask.size(1);
  const at::Tensor query_rows = at::cat({at::ones({num_queries, num_queries}, keys.options()),
                                         at::zeros({num_queries, length}, keys.options())},
                                        1);
  const at::Tensor text_rows = at::cat(
      {at::ones({length, num_queries}, keys.options()), lower_triangle(length, keys.options())}, 1);
  const at::Tensor rows = at::cat({query_rows, text_rows}, 0);  // [Q + T, Q + T]
  return additive(rows.unsqueeze(0) * keys.unsqueeze(1)).unsqueeze(1);
}

at::Tensor causal_mask(const at::Tensor& key_mask, int64_t num_new) {
  BLIP2_CHECK(key_mask.dim() == 2 && num_new <= key_mask.size(1));
  const int64_t num_keys = key_mask.size(1);
  const at::TensorOptions options = key_mask.options().dtype(at::kLong);
  const at::Tensor columns = at::arange(num_keys, options).unsqueeze(0);                   // [1, S]
  const at::Tensor rows = at::arange(num_keys - num_new, num_keys, options).unsqueeze(1);  // [T, 1]
  const at::Tensor seen =
      (columns <= rows).unsqueeze(0).logical_and(key_mask.to(at::kBool).unsqueeze(1));  // [B, T, S]
  const at::Tensor allowed = seen.logical_or((columns == rows).unsqueeze(0));           // [B, T, S]
  const at::TensorOptions values = key_mask.options().dtype(at::kFloat);
  return at::where(allowed, at::scalar_tensor(0.0, values),
                   at::scalar_tensor(std::numeric_limits<float>::lowest(), values))
      .unsqueeze(1);
}

}  // namespace blip2
