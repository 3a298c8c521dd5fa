#include "blip2/base/threads.h"

#include <gtest/gtest.h>

#include <thread>

#include "blip2/base/files.h"
#include "tests/support/temporary_folder.h"

namespace blip2 {
namespace {

void write_cpu(const testing::TemporaryFolder& folder, int cpu, const char* package,
               const char* core) {
  const auto topology = folder / ("cpu" + std::to_string(cpu)) / "topology";
  make_directories(topology);
  write_file_atomic(topology / "physical_package_id", package);
  write_file_atomic(topology / "core_id", core);
}

TEST(Threads, CountsCoresNotHyperThreads) {
  const testing::TemporaryFolder folder;
  write_cpu(folder, 0, "0\n", "0\n");
  write_cpu(folder, 1, "0\n", "1\n");
  write_cpu(folder, 2, "1\n", "0\n");
  write_cpu(folder, 3, "0\n", "0\n");  // the second thread of CPU 0
  EXPECT_EQ(count_cores(folder.path(), {0, 1, 2, 3}), 3);
  EXPECT_EQ(count_cores(folder.path(), {0, 3}), 1);
  EXPECT_EQ(count_cores(folder.path(), {1, 7}), 2);  // CPU 7 tells nothing
  EXPECT_EQ(count_cores(folder.path(), {}), 0);
}

TEST(Threads, ThisMachineHasACore) {
  EXPECT_GE(num_physical_cores(), 1);
  EXPECT_LE(num_physical_cores(),
            static_cast<int>(std::max(1u, std::thread::hardware_concurrency())));
}

}  // namespace
}  // namespace blip2
