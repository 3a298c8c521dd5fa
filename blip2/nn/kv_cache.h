// The keys and values that one attention layer has seen, for writing token by token.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "blip2/nn/attention.h"

namespace blip2 {

/// Keys and values of N rows; all rows have the same number of positions S (shorter prompts are
/// padded on the left and masked). Memory grows in blocks, so that appending a token does not copy
/// the past.
class KvCache {
 public:
  /// Appends T positions. key, value: [N, Hkv, T, K]; N, Hkv and K are those of the first call.
  void append(const at::Tensor& key, const at::Tensor& value);

  /// Views of what is there: [N, Hkv, S, K]. Valid until the next append() or select().
  at::Tensor keys() const;
  at::Tensor values() const;

  /// Row i is henceforth what row rows[i] was. rows: [M] int64.
  void select(const at::Tensor& rows);

  int64_t length() const { return length_; }

 private:
  void reserve(const at::Tensor& like, int64_t length);

  at::Tensor keys_;    // [N, Hkv, C, K], C >= S
  at::Tensor values_;  // [N, Hkv, C, K]
  int64_t length_ = 0;
};

/// Appends T new positions to the cache, and attends from them to all that it holds. query
/// [N, H, T, K]; key, value [N, Hkv, T, K]; mask as attend()'s, the same for all heads where they
/// share keys. Returns [N, T, H*K].
at::Tensor attend_cached(KvCache& cache, const at::Tensor& query, const at::Tensor& key,
                         const at::Tensor& value, const at::Tensor& mask,
                         const AttendOptions& options = {});

}  // namespace blip2
