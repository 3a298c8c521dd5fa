// The cache against attention over everything at once.
#include "blip2/nn/kv_cache.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/repeat_interleave.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <vector>

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

/// Rows that share a prompt against rows that hold all of it: forked, dropped and reordered, with
/// a mask over padding.
TEST_P(AttendCached, RowsThatShareAPromptSeeWhatTheyWouldAlone) {
  const int64_t heads = GetParam(), prompt = 20;
  KvCache shared;
  at::Tensor keys = at::randn({3, heads, prompt, kWidth}), values = at::randn(keys.sizes());
  at::Tensor hidden = at::zeros({3, 1, 1, prompt});
  hidden[1].narrow(2, 0, 7).fill_(-1e30);
  shared.append(keys, values);
  const std::vector<std::vector<int64_t>> steps = {
      {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2},  // forked
      {0, 1, 2, 3, 5, 6, 8, 9, 10, 11},      // two rows have left
      {9, 0, 4, 4, 1, 7},                    // in disorder, one of them twice
      {1, 0, 4},                             // the second source is gone
      {0}};
  for (const std::vector<int64_t>& step : steps) {
    const at::Tensor rows = at::tensor(at::ArrayRef<int64_t>(step), at::kLong);
    const int64_t num_rows = rows.size(0);
    shared.select(rows);
    keys = keys.index_select(0, rows);
    values = values.index_select(0, rows);
    hidden = hidden.index_select(0, rows);
    for (int token = 0; token < 2; ++token) {
      const at::Tensor key = at::randn({num_rows, heads, 1, kWidth}),
                       value = at::randn(key.sizes());
      const at::Tensor query = at::randn({num_rows, kHeads, 1, kWidth});
      keys = at::cat({keys, key}, 2);
      values = at::cat({values, value}, 2);
      hidden = at::cat({hidden, at::zeros({num_rows, 1, 1, 1})}, 3);
      for (const double scale : {0.0, 0.7}) {
        KvCache copy = shared;
        const at::Tensor found = attend_cached(copy, query, key, value, hidden, {.scale = scale});
        const at::Tensor expected =
            merge_heads(attend(query, keys, values, hidden, {.scale = scale}));
        ASSERT_TRUE(at::allclose(found, expected, 1e-5, 1e-6)) << step.size();
      }
      shared.append(key, value);
    }
    EXPECT_TRUE(shared.keys().equal(keys));
    EXPECT_TRUE(shared.values().equal(values));
    EXPECT_EQ(shared.length(), keys.size(2));
  }
}

}  // namespace
}  // namespace blip2
