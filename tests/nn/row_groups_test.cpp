#include "blip2/nn/row_groups.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

namespace blip2 {
namespace {

at::Tensor index_of(std::initializer_list<int64_t> values) {
  return at::tensor(at::ArrayRef<int64_t>(values), at::kLong);
}

TEST(RowGroups, RowsOfASourceStandTogether) {
  RowGroups groups(6, 3, at::kCPU);
  const at::Tensor x = at::arange(6, at::kLong);
  EXPECT_TRUE(groups.to_groups(x).equal(index_of({0, 1, 2, 3, 4, 5}).view({3, 2})));
  EXPECT_TRUE(groups.to_rows(groups.to_groups(x)).equal(x));
}

TEST(RowGroups, WhateverIsSelectedEveryRowFindsItsSource) {
  RowGroups groups(4, 4, at::kCPU);
  EXPECT_FALSE(groups.select(index_of({2, 0, 0, 3, 1, 2})).defined());  // all sources are left
  EXPECT_EQ(groups.num_rows(), 6);
  const at::Tensor sources = index_of({10, 11, 12, 13});
  EXPECT_TRUE(groups.repeat(sources).equal(index_of({12, 10, 10, 13, 11, 12})));
  const at::Tensor x = index_of({0, 1, 2, 3, 4, 5});
  // The first and the third source have two rows; the others repeat theirs.
  const at::Tensor grouped = groups.to_groups(x);
  EXPECT_TRUE(grouped.equal(index_of({1, 2, 4, 4, 0, 5, 3, 3}).view({4, 2})));
  EXPECT_TRUE(groups.to_rows(grouped).equal(x));

  const at::Tensor left = groups.select(index_of({5, 3, 0}));
  EXPECT_TRUE(left.equal(index_of({2, 3})));
  EXPECT_EQ(groups.num_sources(), 2);
  EXPECT_TRUE(groups.repeat(sources.index_select(0, left)).equal(index_of({12, 13, 12})));
  const at::Tensor wide = at::arange(6, at::kLong).view({3, 2});
  EXPECT_TRUE(groups.to_rows(groups.to_groups(wide)).equal(wide));
}

}  // namespace
}  // namespace blip2
