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

TEST(Threads, ReadsListsOfCpus) {
  using List = std::vector<int>;
  EXPECT_EQ(parse_cpu_list("0-3,8"), (List{0, 1, 2, 3, 8}));
  EXPECT_EQ(parse_cpu_list("5"), (List{5}));
  EXPECT_EQ(parse_cpu_list("2,x,4-4"), (List{2, 4}));
  EXPECT_EQ(parse_cpu_list("0-99999999").size(), 65536u);
  EXPECT_EQ(parse_cpu_list(""), List{});
}

TEST(Threads, ProcessesOfOneMachineShareItsCores) {
  const int all = num_physical_cores_of_one_in(1);
  EXPECT_EQ(all, num_physical_cores());
  EXPECT_GE(num_physical_cores_of_one_in(2), std::max(1, all / 2));
  EXPECT_LE(num_physical_cores_of_one_in(2), all);
  EXPECT_EQ(num_physical_cores_of_one_in(100000), 1);
}

TEST(Threads, ThisMachineHasACore) {
  EXPECT_GE(num_physical_cores(), 1);
  EXPECT_LE(num_physical_cores(),
            static_cast<int>(std::max(1u, std::thread::hardware_concurrency())));
}

}  // namespace
}  // namespace blip2
