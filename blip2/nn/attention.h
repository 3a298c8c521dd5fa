// The one attention of the program: heads in, heads out. Projections belong to the models.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace blip2 {

/// [B, T, H*K] -> [B, H, T, K].
at::Tensor split_heads(const at::Tensor& x, int64_t num_heads);
/// [B, H, T, K] -> [B, T, H*K].
at::Tensor merge_heads(const at::Tensor& x);

struct AttendOptions {
  double scale = 0;    ///< 0: 1/sqrt(K)
  double dropout = 0;  ///< of the probabilities, drawn from torch's generator
};

/// softmax(q k^T * scale + mask) v.
/// query [B, H, T, K]; key, value [B, Hkv, S, K] with H a multiple of Hkv (grouped-query
/// attention); mask: undefined, or additive, broadcastable to [B, H, T, S]. Returns [B, H, T, K].
at::Tensor attend(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                  const at::Tensor& mask, const AttendOptions& options = {});

/// As attend(), and also the probabilities [B, H, T, S]: for heat maps, not for training.
std::pair<at::Tensor, at::Tensor> attend_with_probabilities(const at::Tensor& query,
                                                            const at::Tensor& key,
                                                            const at::Tensor& value,
                                                            const at::Tensor& mask);

}  // namespace blip2
