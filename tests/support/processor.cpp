// Compiled into every test whose numbers are also to hold on a lesser processor: our own kernels,
// which Highway dispatches, are held to what BLIP2_TEST_PROCESSOR names ("avx2", "baseline"), as
// ATen, MKL and oneDNN are by variables of their own.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string_view>

#include "hwy/targets.h"

namespace blip2 {
namespace {

/// Every target better than the one named: Highway gives the better one the lower bit.
int64_t forbidden_targets() {
  const char* variable = std::getenv("BLIP2_TEST_PROCESSOR");
  const std::string_view processor = variable == nullptr ? "" : variable;
  if (processor == "avx2") return HWY_AVX2 - 1;
  if (processor == "baseline") return HWY_STATIC_TARGET - 1;
  return 0;
}

class LesserProcessor : public ::testing::Environment {
 public:
  void SetUp() override { hwy::DisableTargets(forbidden_targets()); }
};
[[maybe_unused]] const auto* const kLesserProcessor =
    ::testing::AddGlobalTestEnvironment(new LesserProcessor);

TEST(Processor, IsNoBetterThanTheOneNamed) {
  EXPECT_EQ(hwy::SupportedTargets() & forbidden_targets(), 0);
}

}  // namespace
}  // namespace blip2
