// Features written call by call become one file, or none on an error.
#include "blip2/tasks/feature_spool.h"

#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include "blip2/base/error.h"
#include "blip2/checkpoint/safetensors.h"
#include "tests/support/temporary_folder.h"

namespace blip2 {
namespace {
namespace fs = std::filesystem;
using testing::TemporaryFolder;

TEST(FeatureSpool, RowsOfSeveralCallsBecomeOneTensor) {
  const TemporaryFolder folder;
  const fs::path path = folder / "out/features.safetensors";
  {
    FeatureSpool spool(path);
    spool.append({"b", {2, 1}, {1, 2, 3, 4}});
    spool.append({"a", {3}, {7, 8, 9}});
    spool.append({"b", {2, 1}, {5, 6}});
    EXPECT_FALSE(fs::exists(path));
    spool.finish();
  }
  const SafetensorsFile file(path);
  ASSERT_EQ(file.infos().size(), 2U);
  EXPECT_TRUE(file.read("b").equal(at::tensor({1.F, 2.F, 3.F, 4.F, 5.F, 6.F}).view({3, 2, 1})));
  EXPECT_TRUE(file.read("a").equal(at::tensor({7.F, 8.F, 9.F}).view({1, 3})));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder / "out"), fs::directory_iterator()), 1);
}

TEST(FeatureSpool, NothingIsLeftWithoutFinish) {
  const TemporaryFolder folder;
  {
    FeatureSpool spool(folder / "features.safetensors");
    spool.append({"a", {1}, {7}});
  }
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(FeatureSpool, NoRowIsAnError) {
  const TemporaryFolder folder;
  FeatureSpool spool(folder / "features.safetensors");
  EXPECT_THROW(spool.finish(), Error);
}

}  // namespace
}  // namespace blip2
