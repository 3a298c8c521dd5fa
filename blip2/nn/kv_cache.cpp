// Keys and values that grow, are reordered, and share a prompt.
#include "blip2/nn/kv_cache.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>

#include <cmath>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/nn/autocast.h"
#include "blip2/nn/module.h"

namespace blip2 {
namespace {

/// Positions by which the memory grows. Small, because select() copies the unused ones too.
constexpr int64_t kBlock = 32;
/// Positions from which a prompt is shared: a shorter one is copied sooner than looked up apart.
constexpr int64_t kLeastShared = 16;

at::Tensor grown(const at::Tensor& old, const at::Tensor& like, int64_t length, int64_t capacity) {
  at::Tensor fresh = at::empty({like.size(0), like.size(1), capacity, like.size(3)},
                               like.options().dtype(at::kFloat));
  if (length > 0) fresh.narrow(2, 0, length).copy_(old.narrow(2, 0, length));
  return fresh;
}

}  // namespace

void KvCache::reserve(const at::Tensor& like, int64_t length) {
  if (own_.keys.defined() && length <= own_.keys.size(2)) return;
  const int64_t capacity = (length + kBlock - 1) / kBlock * kBlock;
  own_.keys = grown(own_.keys, like, length_, capacity);
  own_.values = grown(own_.values, like, length_, capacity);
}

void KvCache::append(const at::Tensor& key, const at::Tensor& value) {
  BLIP2_CHECK(key.dim() == 4 && key.sizes() == value.sizes());
  BLIP2_CHECK(!own_.keys.defined() ||
              (key.size(0) == own_.keys.size(0) && key.size(1) == own_.keys.size(1) &&
               key.size(3) == own_.keys.size(3)));
  const int64_t num_new = key.size(2);
  reserve(key, length_ + num_new);
  own_.keys.narrow(2, length_, num_new).copy_(key);
  own_.values.narrow(2, length_, num_new).copy_(value);
  length_ += num_new;
}

at::Tensor KvCache::whole(at::Tensor KeyValues::* part) const {
  std::vector<at::Tensor> parts;
  if (prompt_.keys.defined()) parts.push_back(groups_.repeat(prompt_.*part));
  if (length_ > 0) parts.push_back((own_.*part).narrow(2, 0, length_));
  BLIP2_CHECK(!parts.empty());
  return parts.size() == 1 ? parts[0] : at::cat(parts, 2);
}

void KvCache::select(const at::Tensor& rows) {
  BLIP2_CHECK(own_.keys.defined() || prompt_.keys.defined());
  const bool forks = own_.keys.defined() && rows.size(0) > own_.keys.size(0);
  if (!prompt_.keys.defined() && forks && length_ >= kLeastShared) {
    groups_ = RowGroups(own_.keys.size(0), own_.keys.size(0), rows.device());
    prompt_ = {own_.keys.narrow(2, 0, length_), own_.values.narrow(2, 0, length_)};
    own_ = {};
    length_ = 0;
  }
  const auto keep = [](KeyValues& all, const at::Tensor& kept) {
    all = {at::index_select(all.keys, 0, kept), at::index_select(all.values, 0, kept)};
  };
  if (prompt_.keys.defined()) {
    const at::Tensor left = groups_.select(rows);
    if (left.defined()) keep(prompt_, left);
  }
  if (own_.keys.defined()) keep(own_, rows);
}

at::Tensor KvCache::attend_in_two(const at::Tensor& query, const at::Tensor& mask,
                                  const AttendOptions& options) const {
  BLIP2_CHECK(options.dropout == 0);
  const int64_t prompt_length = prompt_.keys.size(2);
  // The product is taken for the rows of each source together:
  // [N, Hkv, g, X] -> [B, Hkv, G*g, X] -> product -> [N, Hkv, g, Y]
  const auto by_source = [&](const at::Tensor& x, const at::Tensor& other) {
    const at::Tensor grouped = groups_.to_groups(x).transpose(1, 2);  // [B, Hkv, G, g, X]
    const at::Tensor product = at::matmul(grouped.flatten(2, 3), other);
    return groups_.to_rows(
        product.view({grouped.size(0), grouped.size(1), grouped.size(2), grouped.size(3), -1})
            .transpose(1, 2));
  };
  const at::Tensor own_keys = own_.keys.narrow(2, 0, length_);
  const double scale =
      options.scale == 0 ? 1 / std::sqrt(static_cast<double>(query.size(3))) : options.scale;
  at::Tensor scores = at::cat({by_source(query, prompt_.keys.transpose(2, 3)),
                               at::matmul(query, own_keys.transpose(2, 3))},
                              3)
                          .mul_(scale);  // [N, Hkv, g, S]
  if (mask.defined()) scores = scores + mask;
  const at::Tensor seen = at::softmax(scores, -1);
  return by_source(seen.narrow(3, 0, prompt_length), prompt_.values) +
         at::matmul(seen.narrow(3, prompt_length, length_), own_.values.narrow(2, 0, length_));
}

at::Tensor attend_cached(KvCache& cache, const at::Tensor& query, const at::Tensor& key,
                         const at::Tensor& value, const at::Tensor& mask,
                         const AttendOptions& options) {
  cache.append(key, value);
  const int64_t num_rows = query.size(0), num_key_heads = key.size(1);
  if (query.size(2) > 1) {
    return merge_heads(attend(query, cache.keys(), cache.values(), mask, options));
  }
  const Autocast exact(Arithmetic::kFloat32);  // converting all that is there costs more
  // One token: the heads that share a key are the rows of one small attention; no key is repeated.
  const at::Tensor grouped = widened(query).reshape(
      {num_rows, num_key_heads, query.size(1) / num_key_heads, query.size(3)});
  const at::Tensor seen = cache.prompt_.keys.defined()
                              ? cache.attend_in_two(grouped, mask, options)
                              : attend(grouped, cache.keys(), cache.values(), mask, options);
  return seen.reshape({num_rows, 1, -1});
}

}  // namespace blip2
