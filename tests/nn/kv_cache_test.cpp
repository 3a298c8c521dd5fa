// The cache against attention over everything at once.
#include "blip2/nn/kv_cache.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/repeat_interleave.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include "blip2/nn/masks.h"

namespace blip2 {
namespace {

constexpr int64_t kRows = 2, kLength = 40, kHeads = 6, kWidth = 4;  // more than one block

class AttendCached : public ::testing::TestWithParam<int64_t> {};
INSTANTIATE_TEST_SUITE_P(KeyHeads, AttendCached, ::testing::Values(6, 2));

TEST_P(AttendCached, EqualsAttentionOverAllAtOnce) {
  const at::Tensor query = at::randn({kRows, kHeads, kLength, kWidth});
  const at::Tensor key = at::randn({kRows, GetParam(), kLength, kWidth});
  const at::Tensor value = at::randn({kRows, GetParam(), kLength, kWidth});
  const int64_t shared = kHeads / GetParam();
  const at::Tensor expected = merge_heads(attend(query, key.repeat_interleave(shared, 1),
                                                 value.repeat_interleave(shared, 1),
                                                 causal_mask(at::ones({1, kLength}), kLength)));
  KvCache cache;
  // Five tokens at once, then one by one.
  int64_t at = 0;
  while (at < kLength) {
    const int64_t count = at == 0 ? 5 : 1;
    const auto part = [&](const at::Tensor& x) { return x.narrow(2, at, count); };
    const at::Tensor mask = count > 1 ? causal_mask(at::ones({1, count}), count) : at::Tensor();
    const at::Tensor found = attend_cached(cache, part(query), part(key), part(value), mask);
    ASSERT_TRUE(at::allclose(found, expected.narrow(1, at, count), 1e-5, 1e-6)) << at;
    at += count;
  }
  EXPECT_EQ(cache.length(), kLength);
}

TEST(KvCache, SelectedRowsKeepTheirPast) {
  const at::Tensor key = at::randn({3, 2, 5, 4}), value = at::randn({3, 2, 5, 4});
  KvCache cache;
  cache.append(key, value);
  const at::Tensor rows = at::tensor({2, 0, 2, 1}, at::kLong);
  cache.select(rows);
  EXPECT_TRUE(cache.keys().equal(key.index_select(0, rows)));
  EXPECT_TRUE(cache.values().equal(value.index_select(0, rows)));
}

}  // namespace
}  // namespace blip2
