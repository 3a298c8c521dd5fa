// Looking a tensor up by name, and tensors in memory.
#include "blip2/checkpoint/source.h"

#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "blip2/base/error.h"

namespace blip2 {
namespace {

TEST(Source, ATensorIsFoundByItsName) {
  const auto source = make_memory_source(
      "memory",
      {{"b", at::zeros({2, 3})}, {"a.c", at::zeros({4}, at::kLong)}, {"a", at::zeros({})}});
  ASSERT_NE(find_info(*source, "a.c"), nullptr);
  EXPECT_EQ(find_info(*source, "a.c")->dtype, at::kLong);
  EXPECT_EQ(find_info(*source, "b")->shape, (std::vector<int64_t>{2, 3}));
  for (const char* name : {"", "a.", "aa", "c"}) EXPECT_EQ(find_info(*source, name), nullptr);
}

TEST(Source, ANameOccursOnce) {
  EXPECT_THROW(make_memory_source("memory", {{"a", at::zeros({1})}, {"a", at::zeros({1})}}), Error);
}

}  // namespace
}  // namespace blip2
