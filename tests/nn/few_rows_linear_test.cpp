// Products of few rows against ATen's own, and the law that a row does not depend on the others.
#include "blip2/nn/few_rows_linear.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>

#include "blip2/nn/linear.h"
#include "tests/nn/random_values.h"

namespace blip2 {
namespace {

using testing::random_values;

class FewRowsLinear : public ::testing::TestWithParam<at::ScalarType> {};
INSTANTIATE_TEST_SUITE_P(Types, FewRowsLinear,
                         ::testing::Values(at::kFloat, at::kHalf, at::kBFloat16));

TEST_P(FewRowsLinear, EqualsTheMatrixLibrarys) {
  // Widths that end within a vector; outputs and rows that end within a tile, or share threads.
  for (const int64_t in : {1, 7, 16, 61, 300}) {
    for (const int64_t out : {1, 2, 3, 5, 130, 1103}) {
      const at::Tensor weight = random_values({out, in}, 1).to(GetParam());
      for (const int64_t rows : {1, 2, 3, 4, 5, 10, 39, 64}) {
        SCOPED_TRACE(::testing::Message() << rows << " rows, " << in << " -> " << out);
        const at::Tensor x = random_values({rows, in}, 2);
        ASSERT_TRUE(is_few_rows_linear(x, weight));
        const at::Tensor expected = at::linear(x, weight.to(at::kFloat));
        const double difference =
            (few_rows_linear(x, weight) - expected).abs().max().item<double>();
        EXPECT_LE(difference, 1e-5 * std::sqrt(static_cast<double>(in)));
      }
    }
  }
}

TEST_P(FewRowsLinear, ARowDoesNotDependOnTheOthers) {
  const at::Tensor weight = random_values({37, 61}, 3).to(GetParam());
  const at::Tensor x = random_values({11, 61}, 4);
  const at::Tensor together = few_rows_linear(x, weight);
  for (int64_t row = 0; row < 11; ++row) {
    EXPECT_TRUE(few_rows_linear(x.narrow(0, row, 1), weight).equal(together.narrow(0, row, 1)));
  }
}

TEST_P(FewRowsLinear, TakesAnyNumberOfDimensionsAndStrides) {
  const at::Tensor weight = random_values({6, 5}, 5).to(GetParam());
  const at::Tensor x = random_values({2, 5, 3}, 6).transpose(1, 2);  // [2, 3, 5]
  const at::Tensor expected = at::linear(x, weight.to(at::kFloat));
  const at::Tensor found = few_rows_linear(x, weight);
  EXPECT_EQ(found.sizes(), expected.sizes());
  EXPECT_LT((found - expected).abs().max().item<double>(), 1e-5);
}

TEST(FewRowsLinear, LeavesToOthersWhatItIsNotFor) {
  const at::Tensor weight = random_values({6, 5}, 7);
  const at::Tensor x = random_values({3, 5}, 8);
  EXPECT_TRUE(is_few_rows_linear(x, weight));
  EXPECT_FALSE(is_few_rows_linear(random_values({65, 5}, 8), weight));  // many rows
  EXPECT_FALSE(is_few_rows_linear(at::zeros({0, 5}), weight));          // none
  EXPECT_FALSE(is_few_rows_linear(x.to(at::kDouble), weight));          // other types
  EXPECT_FALSE(is_few_rows_linear(x, weight.to(at::kDouble)));
  EXPECT_FALSE(is_few_rows_linear(x, random_values({5, 6}, 7).t()));  // strides
  at::Tensor trained = weight.clone().set_requires_grad(true);
  EXPECT_FALSE(is_few_rows_linear(x, trained));
  const at::NoGradGuard no_grad;
  EXPECT_TRUE(is_few_rows_linear(x, trained));
}

TEST(FewRowsLinear, TrainedWeightsGetTheirGradients) {
  Linear linear{random_values({4, 3}, 9).set_requires_grad(true), random_values({4}, 10)};
  const at::Tensor x = random_values({2, 3}, 11);
  apply(linear, x).sum().backward();
  EXPECT_LT((linear.weight.grad() - x.sum(0).expand({4, 3})).abs().max().item<double>(), 1e-6);
}

}  // namespace
}  // namespace blip2
