// NaN and infinities, in every dtype that weights have, found and counted.
#include "blip2/checkpoint/finite.h"

#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "tests/support/errors.h"

namespace blip2 {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(Finite, OneBadValueAnywhereIsSeen) {
  for (const at::ScalarType dtype : {at::kFloat, at::kHalf, at::kBFloat16, at::kDouble}) {
    for (const float value : {kNan, kInfinity, -kInfinity, -kNan}) {
      // Long enough for several threads.
      for (const int64_t place : {0, 70'000, 199'999}) {
        at::Tensor tensor = at::ones({200'000}).to(dtype);
        EXPECT_TRUE(is_finite(tensor));
        tensor[place].fill_(value);
        EXPECT_FALSE(is_finite(tensor)) << at::toString(dtype) << " " << place;
        EXPECT_FALSE(is_finite(tensor.view({200, 1000}).t()));
      }
    }
  }
}

TEST(Finite, TheLargestAndSmallestNumbersAreFinite) {
  for (const at::ScalarType dtype : {at::kFloat, at::kHalf, at::kBFloat16}) {
    const double largest = dtype == at::kHalf ? 65504.0 : 3.38e38;
    EXPECT_TRUE(
        is_finite(at::tensor({largest, -largest, 0.0, -0.0, 1e-45}, at::kDouble).to(dtype)));
  }
}

TEST(Finite, EveryBadTensorOfASourceIsNamedAndCounted) {
  const auto source = make_memory_source(
      "memory", {{"good", at::ones({2})},
                 {"nan", at::tensor({1.0f, kNan})},
                 {"half", at::tensor({-kInfinity, 1.0f, kNan, kInfinity}).to(at::kHalf)},
                 {"eight", at::tensor({kNan, 1.0f}).to(at::ScalarType::Float8_e4m3fn)},
                 {"whole", at::ones({2}, at::kLong)},
                 {"empty", at::zeros({0})}});
  const std::vector<NotFinite> found = not_finite_tensors(*source);
  ASSERT_EQ(found.size(), 3);
  EXPECT_EQ(found[0].name, "eight");
  EXPECT_EQ(found[1].name, "half");
  EXPECT_EQ(counts_text(found[1]), "1 NaN, 2 infinite");
  EXPECT_EQ(counts_text(found[2]), "1 NaN");
  EXPECT_THAT(testing::error_of([&] { require_finite(*source); }).second,
              AllOf(HasSubstr("memory: expected numbers, found values that are not finite in"),
                    HasSubstr("\"half\" (1 NaN, 2 infinite), \"nan\" (1 NaN)")));
}

}  // namespace
}  // namespace blip2
