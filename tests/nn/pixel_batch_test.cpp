// Stacking, value by value.
#include "blip2/nn/pixel_batch.h"

#include <gtest/gtest.h>

#include "blip2/base/error.h"
#include "tests/support/plain_values.h"

namespace blip2 {
namespace {

using testing::plain_values;

TEST(StackPixels, KeepsOrderAndRefusesOtherSizes) {
  std::vector<float> first(3 * 2 * 4);
  std::vector<float> second(first.size());
  for (size_t i = 0; i < first.size(); ++i) {
    first[i] = static_cast<float>(i);
    second[i] = -static_cast<float>(i);
  }
  const at::Tensor pixels = stack_pixels({first, second}, 2, 4);
  EXPECT_EQ(pixels.sizes(), (std::vector<int64_t>{2, 3, 2, 4}));
  std::vector<float> expected = first;
  expected.insert(expected.end(), second.begin(), second.end());
  EXPECT_EQ(plain_values<float>(pixels), expected);
  second.pop_back();
  EXPECT_THROW(stack_pixels({first, second}, 2, 4), Error);
}

}  // namespace
}  // namespace blip2
