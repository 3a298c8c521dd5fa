#include "blip2/nn/autocast.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include "blip2/nn/bfloat16_storage.h"
#include "blip2/nn/linear.h"
#include "tests/nn/random_values.h"

namespace blip2 {
namespace {

using testing::random_values;

/// Numbers that bfloat16 has exactly: the product is then exact in float32.
at::Tensor rounded(const at::Tensor& x) { return x.to(at::kBFloat16).to(at::kFloat); }

TEST(Autocast, LinearLayersComputeInBfloat16OnFloat32Weights) {
  Linear linear{random_values({4, 3}, 1), random_values({4}, 2)};
  linear.weight.set_requires_grad(true);
  const at::Tensor x = random_values({5, 3}, 3);
  at::Tensor y;
  {
    const Autocast autocast(Arithmetic::kBFloat16);
    EXPECT_TRUE(is_autocast(x));
    y = apply(linear, x);
    {
      const Autocast exact(Arithmetic::kFloat32);
      EXPECT_FALSE(is_autocast(x));
      EXPECT_EQ(apply(linear, x).scalar_type(), at::kFloat);
    }
    EXPECT_TRUE(is_autocast(x));
  }
  EXPECT_FALSE(is_autocast(x));
  EXPECT_EQ(y.scalar_type(), at::kBFloat16);
  const at::Tensor expected =
      apply(Linear{rounded(linear.weight.detach()), rounded(linear.bias)}, rounded(x));
  EXPECT_LT((y.detach() - expected).abs().max().item<double>(),
            expected.abs().max().item<double>() / 128);
  y.to(at::kFloat).sum().backward();
  EXPECT_EQ(linear.weight.grad().scalar_type(), at::kFloat);
}

TEST(Autocast, AScopesEndForgetsTheWeights) {
  Linear linear{random_values({4, 3}, 1), {}};
  linear.weight.set_requires_grad(true);
  const at::Tensor x = random_values({5, 3}, 3);
  const auto product = [&] {
    const Autocast autocast(Arithmetic::kBFloat16);
    return apply(linear, x).detach();
  };
  const at::Tensor before = product();
  {
    const at::NoGradGuard no_grad;
    linear.weight.mul_(2);
  }
  EXPECT_TRUE(at::equal(product(), before * 2));
}

TEST(Autocast, IsForProcessorsThatHaveIt) {
  EXPECT_EQ(arithmetic(false), Arithmetic::kFloat32);
  EXPECT_EQ(arithmetic(true) == Arithmetic::kBFloat16, has_bfloat16_arithmetic());
}

TEST(Bfloat16Storage, GivesTheOriginalsBack) {
  Linear linear{random_values({4, 3}, 1), random_values({4}, 2)};
  const at::Tensor weight = linear.weight, copy = weight.clone();
  {
    const Bfloat16Storage narrowed(named_tensors(linear));
    EXPECT_EQ(linear.weight.scalar_type(), at::kBFloat16);
    EXPECT_EQ(linear.bias.scalar_type(), at::kFloat);
  }
  EXPECT_TRUE(linear.weight.is_same(weight));
  EXPECT_TRUE(at::equal(weight, copy));
}

}  // namespace
}  // namespace blip2
