#include "blip2/nn/kv_cache.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>

#include "blip2/base/error.h"

namespace blip2 {
namespace {

/// Positions by which the memory grows. Small, because select() copies the spare ones too.
constexpr int64_t kBlock = 32;

at::Tensor grown(const at::Tensor& old, const at::Tensor& like, int64_t length, int64_t capacity) {
  at::Tensor fresh =
      at::empty({like.size(0), like.size(1), capacity, like.size(3)}, like.options());
  if (length > 0) fresh.narrow(2, 0, length).copy_(old.narrow(2, 0, length));
  return fresh;
}

}  // namespace

void KvCache::reserve(const at::Tensor& like, int64_t length) {
  if (keys_.defined() && length <= keys_.size(2)) return;
  const int64_t capacity = (length + kBlock - 1) / kBlock * kBlock;
  keys_ = grown(keys_, like, length_, capacity);
  values_ = grown(values_, like, length_, capacity);
}

void KvCache::append(const at::Tensor& key, const at::Tensor& value) {
  BLIP2_CHECK(key.dim() == 4 && key.sizes() == value.sizes());
  BLIP2_CHECK(!keys_.defined() || (key.size(0) == keys_.size(0) && key.size(1) == keys_.size(1) &&
                                   key.size(3) == keys_.size(3)));
  const int64_t num_new = key.size(2);
  reserve(key, length_ + num_new);
  keys_.narrow(2, length_, num_new).copy_(key);
  values_.narrow(2, length_, num_new).copy_(value);
  length_ += num_new;
}

at::Tensor KvCache::keys() const {
  BLIP2_CHECK(keys_.defined());
  return keys_.narrow(2, 0, length_);
}

at::Tensor KvCache::values() const {
  BLIP2_CHECK(values_.defined());
  return values_.narrow(2, 0, length_);
}

void KvCache::select(const at::Tensor& rows) {
  BLIP2_CHECK(keys_.defined());
  keys_ = at::index_select(keys_, 0, rows);
  values_ = at::index_select(values_, 0, rows);
}

at::Tensor attend_cached(KvCache& cache, const at::Tensor& query, const at::Tensor& key,
                         const at::Tensor& value, const at::Tensor& mask,
                         const AttendOptions& options) {
  cache.append(key, value);
  const int64_t num_rows = query.size(0), num_key_heads = key.size(1);
  if (query.size(2) > 1) {
    return merge_heads(attend(query, cache.keys(), cache.values(), mask, options));
  }
  // One token: the heads that share a key are the rows of one small attention; no key is repeated.
  const at::Tensor grouped =
      query.reshape({num_rows, num_key_heads, query.size(1) / num_key_heads, query.size(3)});
  return attend(grouped, cache.keys(), cache.values(), mask, options).reshape({num_rows, 1, -1});
}

}  // namespace blip2
