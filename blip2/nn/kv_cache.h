// The keys and values that one attention layer has seen, for writing token by token.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "blip2/nn/attention.h"
#include "blip2/nn/row_groups.h"

namespace blip2 {

/// Keys and values of N rows, in float32; all rows have the same number of positions S (shorter
/// prompts are padded on the left and masked). Memory grows in blocks, so that appending a token
/// does not copy the past. A long prompt is not copied either where select() forks its rows: they
/// share it, as several texts about one picture do, and beams.
class KvCache {
 public:
  /// Appends T positions. key, value: [N, Hkv, T, K]; N, Hkv and K are those of the first call.
  void append(const at::Tensor& key, const at::Tensor& value);

  /// What is there: [N, Hkv, S, K]. Views, valid until the next append() or select(), but copies
  /// where rows share a prompt.
  at::Tensor keys() const { return whole(&KeyValues::keys); }
  at::Tensor values() const { return whole(&KeyValues::values); }

  /// Row i becomes what row rows[i] was. rows: [M] int64.
  void select(const at::Tensor& rows);

  int64_t length() const { return prompt_length() + length_; }

 private:
  struct KeyValues {
    at::Tensor keys, values;  // [rows, Hkv, positions, K]
  };

  int64_t prompt_length() const { return prompt_.keys.defined() ? prompt_.keys.size(2) : 0; }
  void reserve(const at::Tensor& like, int64_t length);
  at::Tensor whole(at::Tensor KeyValues::* part) const;
  /// Attention of one new token of each row where they share a prompt. query [N, Hkv, H/Hkv, K] ->
  /// the same.
  at::Tensor attend_in_two(const at::Tensor& query, const at::Tensor& mask,
                           const AttendOptions& options) const;
  friend at::Tensor attend_cached(KvCache& cache, const at::Tensor& query, const at::Tensor& key,
                                  const at::Tensor& value, const at::Tensor& mask,
                                  const AttendOptions& options);

  KeyValues prompt_;  // of B sources, which rows share; undefined until rows are forked
  RowGroups groups_;  // rows by their source
  KeyValues own_;     // of each row, after the prompt: C >= length_ positions
  int64_t length_ = 0;
};

/// Appends T new positions to the cache, and attends from them to all that it holds. query
/// [N, H, T, K]; key, value [N, Hkv, T, K]; mask as attend()'s, the same for all heads where they
/// share keys. Returns [N, T, H*K].
at::Tensor attend_cached(KvCache& cache, const at::Tensor& query, const at::Tensor& key,
                         const at::Tensor& value, const at::Tensor& mask,
                         const AttendOptions& options = {});

}  // namespace blip2
