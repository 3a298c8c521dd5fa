#include "blip2/nn/packing.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include "blip2/base/error.h"

namespace blip2 {
namespace {

at::Tensor mask() { return at::tensor({1, 1, 1, 1, 0, 0, 1, 1, 0}, at::kLong).view({3, 3}); }

TEST(Packing, RowsAndPositions) {
  const Packing packing = pack(mask());
  EXPECT_TRUE(at::equal(packing.to_packed, at::tensor({0, 1, 2, 3, 6, 7}, at::kLong)));
  EXPECT_TRUE(at::equal(packing.positions, at::tensor({0, 1, 2, 0, 0, 1}, at::kLong)));
  EXPECT_TRUE(at::equal(packing.to_padded, at::tensor({0, 1, 2, 3, 3, 3, 4, 5, 4}, at::kLong)));
}

TEST(Packing, ThereAndBackIsTheIdentity) {
  const Packing packing = pack(mask());
  const at::Tensor rows = at::randn({6, 5});
  EXPECT_TRUE(at::equal(to_packed(packing, to_padded(packing, rows)), rows));
}

TEST(Packing, GradientAddsUpRepeatedRows) {
  at::Tensor x = at::randn({3, 2});
  x.set_requires_grad(true);
  gather_rows(x, at::tensor({2, 0, 2}, at::kLong)).sum().backward();
  EXPECT_TRUE(at::equal(x.grad(), at::tensor({1.F, 1.F, 0.F, 0.F, 2.F, 2.F}).view({3, 2})));
}

TEST(Packing, PaddingAnywhere) {
  const at::Tensor mask = at::tensor({0, 1, 1, 1, 0, 1, 1, 1, 1}, at::kLong).view({3, 3});
  const Packing packing = pack_with_gaps(mask);
  EXPECT_TRUE(at::equal(packing.to_packed, at::tensor({1, 2, 3, 5, 6, 7, 8}, at::kLong)));
  EXPECT_TRUE(at::equal(packing.positions, at::tensor({1, 2, 0, 2, 0, 1, 2}, at::kLong)));
  EXPECT_TRUE(at::equal(packing.to_padded, at::tensor({0, 0, 1, 2, 2, 3, 4, 5, 6}, at::kLong)));
  const at::Tensor rows = at::randn({7, 5});
  EXPECT_TRUE(at::equal(to_packed(packing, to_padded(packing, rows)), rows));
  EXPECT_FALSE(is_full(packing));
  EXPECT_TRUE(is_full(pack(at::ones({2, 3}, at::kLong))));
}

TEST(Packing, RefusesHolesAndEmptyRows) {
  EXPECT_THROW(pack(at::tensor({1, 0, 1}, at::kLong).view({1, 3})), Error);
  EXPECT_THROW(pack(at::tensor({1, 1, 0, 0}, at::kLong).view({2, 2})), Error);
}

}  // namespace
}  // namespace blip2
