// The activations against values that PyTorch gave (transformers 4.57.6, activations.py).
#include "blip2/nn/activations.h"

#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <string>

namespace blip2 {
namespace {

TEST(Activations, EqualTheReference) {
  struct Case {
    const char* name;
    double at_1, at_minus_3;
  };
  const at::Tensor x = at::tensor({1.0, -3.0}, at::kDouble);
  for (const Case& expected :
       {Case{"gelu", 0.841344746, -0.004049694}, Case{"gelu_new", 0.841191991, -0.003637392},
        Case{"quick_gelu", 0.845795766, -0.018071310}, Case{"relu", 1.0, 0.0},
        Case{"silu", 0.731058579, -0.142277620}}) {
    SCOPED_TRACE(expected.name);
    const auto activation = parse_activation(expected.name);
    ASSERT_TRUE(activation);
    EXPECT_EQ(activation_name(*activation), expected.name);
    const at::Tensor y = apply(*activation, x);
    EXPECT_NEAR(y[0].item<double>(), expected.at_1, 1e-8);
    EXPECT_NEAR(y[1].item<double>(), expected.at_minus_3, 1e-8);
  }
  EXPECT_FALSE(parse_activation("gelu_fast_or_so"));
}

}  // namespace
}  // namespace blip2
