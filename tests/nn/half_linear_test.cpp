// Products with 16-bit weights against the same weights in float32 (ATen's own product).
#include "blip2/nn/half_linear.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>

#include "blip2/nn/half_kernels.h"
#include "blip2/nn/linear.h"
#include "tests/nn/random_values.h"

namespace blip2 {
namespace {

using testing::random_values;

class HalfLinear : public ::testing::TestWithParam<at::ScalarType> {};
INSTANTIATE_TEST_SUITE_P(Types, HalfLinear, ::testing::Values(at::kHalf, at::kBFloat16));

TEST_P(HalfLinear, EqualsTheWidenedProduct) {
  // Widths that end within a vector, one block and several, few rows and many.
  for (const int64_t in : {1, 7, 16, 61, 300}) {
    for (const int64_t out : {1, 5, 130, 1100}) {
      const at::Tensor weight = random_values({out, in}, 1).to(GetParam());
      for (const int64_t rows : {1, 2, 3, 4, 7, 8, 9, 40}) {
        SCOPED_TRACE(::testing::Message() << rows << " rows, " << in << " -> " << out);
        const at::Tensor x = random_values({rows, in}, 2);
        const at::Tensor expected = at::linear(x, weight.to(at::kFloat));
        const double difference = (half_linear(x, weight) - expected).abs().max().item<double>();
        EXPECT_LE(difference, 1e-5 * std::sqrt(static_cast<double>(in)));
      }
    }
  }
}

TEST_P(HalfLinear, TakesAnyNumberOfDimensionsAndStrides) {
  const at::Tensor weight = random_values({6, 5}, 3).to(GetParam());
  const at::Tensor x = random_values({4, 5, 3}, 4).transpose(1, 2);  // [4, 3, 5]
  const at::Tensor expected = at::linear(x, weight.to(at::kFloat));
  const at::Tensor found = half_linear(x, weight);
  EXPECT_EQ(found.sizes(), expected.sizes());
  EXPECT_LT((found - expected).abs().max().item<double>(), 1e-5);
  EXPECT_EQ(half_linear(at::zeros({0, 5}), weight).sizes(), at::IntArrayRef({0, 6}));
}

TEST_P(HalfLinear, WidensEveryBitPattern) {
  at::Tensor narrow = at::arange(0, 65536, at::kInt).to(at::kShort).view(GetParam());
  at::Tensor wide = at::empty({65536}, at::kFloat);
  const auto type =
      GetParam() == at::kHalf ? internal::HalfType::kFloat16 : internal::HalfType::kBFloat16;
  internal::widen(type, static_cast<const uint16_t*>(narrow.const_data_ptr()),
                  wide.mutable_data_ptr<float>(), 65536);
  const at::Tensor expected = narrow.to(at::kFloat);
  const at::Tensor same = (wide == expected).logical_or(wide.isnan().logical_and(expected.isnan()));
  EXPECT_TRUE(same.all().item<bool>());
}

TEST_P(HalfLinear, GivesTheWidenedProductsGradient) {
  // One block and several; few rows and many; rows that lie apart.
  for (const int64_t out : {4, 1100}) {
    for (const int64_t rows : {2, 40}) {
      const Linear linear{random_values({out, 6}, 5).to(GetParam()), random_values({out}, 6)};
      const Linear wide{linear.weight.to(at::kFloat), linear.bias};
      const at::Tensor gradient = random_values({3, rows, out}, 8);
      const auto gradient_of = [&](const Linear& layer) {
        at::Tensor x = random_values({3, 6, rows}, 7).set_requires_grad(true);
        const at::Tensor y = apply(layer, x.transpose(1, 2));
        (y * gradient).sum().backward();
        return x.grad();
      };
      ASSERT_TRUE(is_half_linear(random_values({1, 6}, 1), linear.weight));
      const at::Tensor expected = gradient_of(wide);
      EXPECT_LT((gradient_of(linear) - expected).abs().max().item<double>(),
                1e-6 * std::sqrt(static_cast<double>(out)) * 10);
    }
  }
}

TEST_P(HalfLinear, ATrainedWeightIsNotForIt) {
  Linear linear{random_values({4, 3}, 5).to(GetParam()).set_requires_grad(true), {}};
  const at::Tensor x = random_values({2, 3}, 7);
  EXPECT_FALSE(is_half_linear(x, linear.weight));
  apply(linear, x).sum().backward();
  EXPECT_LT(
      (linear.weight.grad().to(at::kFloat) - x.sum(0).expand({4, 3})).abs().max().item<double>(),
      0.02);
}

}  // namespace
}  // namespace blip2
