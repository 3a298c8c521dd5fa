// The list of dtypes: no name and no type occurs twice.
#include "blip2/checkpoint/dtypes.h"

#include <gtest/gtest.h>

#include <set>

namespace blip2 {
namespace {

TEST(Dtypes, EachHasOneName) {
  std::set<at::ScalarType> types;
  std::set<std::string_view> names, of_safetensors, of_storages;
  for (const DtypeNames& dtype : dtypes()) {
    EXPECT_TRUE(types.insert(dtype.dtype).second) << dtype.name;
    EXPECT_TRUE(names.insert(dtype.name).second) << dtype.name;
    if (!dtype.safetensors.empty()) {
      EXPECT_TRUE(of_safetensors.insert(dtype.safetensors).second) << dtype.name;
    }
    if (!dtype.storage.empty()) {
      EXPECT_TRUE(of_storages.insert(dtype.storage).second) << dtype.name;
    }
  }
}

TEST(Dtypes, AreNamedAsInConfigJson) {
  EXPECT_EQ(dtype_name(at::kFloat), "float32");
  EXPECT_EQ(dtype_name(at::kHalf), "float16");
  EXPECT_EQ(dtype_name(at::kBFloat16), "bfloat16");
  EXPECT_EQ(dtype_name(at::kLong), "int64");
}

}  // namespace
}  // namespace blip2
