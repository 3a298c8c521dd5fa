// torch's fused attention, and the plain form where probabilities are wanted.
#include "blip2/nn/attention.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/softmax.h>

#include <cmath>
#include <optional>
#include <utility>

#include "blip2/base/error.h"

namespace blip2 {

at::Tensor split_heads(const at::Tensor& x, int64_t num_heads) {
  BLIP2_CHECK(x.dim() == 3 && x.size(2) % num_heads == 0);
  return x.view({x.size(0), x.size(1), num_heads, x.size(2) / num_heads}).transpose(1, 2);
}

at::Tensor merge_heads(const at::Tensor& x) {
  return x.transpose(1, 2).reshape({x.size(0), x.size(2), x.size(1) * x.size(3)});
}

at::Tensor attend(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                  const at::Tensor& mask, const AttendOptions& options) {
  BLIP2_CHECK(query.dim() == 4 && key.dim() == 4 && key.sizes() == value.sizes());
  BLIP2_CHECK(query.size(1) % key.size(1) == 0 && query.size(3) == key.size(3));
  const std::optional<double> scale =
      options.scale == 0 ? std::nullopt : std::optional<double>(options.scale);
  const std::optional<at::Tensor> bias = mask.defined() ? std::optional(mask) : std::nullopt;
  const bool grouped = query.size(1) != key.size(1);
  return at::scaled_dot_product_attention(query, key, value, bias, options.dropout, false, scale,
                                          grouped);
}

std::pair<at::Tensor, at::Tensor> attend_with_probabilities(const at::Tensor& query,
                                                            const at::Tensor& key,
                                                            const at::Tensor& value,
                                                            const at::Tensor& mask) {
  BLIP2_CHECK(query.size(1) == key.size(1));
  at::Tensor scores = at::matmul(query, key.transpose(-1, -2)) /
                      std::sqrt(static_cast<double>(query.size(3)));  // [B, H, T, S]
  if (mask.defined()) scores = scores + mask;
  at::Tensor probabilities = at::softmax(scores, -1);
  return {at::matmul(probabilities, value), probabilities};
}

}  // namespace blip2
