// The main function of every rank: opens the communicator, runs the tests, and agrees on the
// result.
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <mpi.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/nn/module.h"
#include "blip2/ranks/launch.h"
#include "blip2/ranks/nccl/communicator.h"
#include "tests/device/over_mpi_nccl.h"
#include "tests/device/strict_device.h"
#include "tests/many_ranks/ranks.h"

namespace blip2::testing {
namespace {

std::unique_ptr<Communicator>& opened() {
  static std::unique_ptr<Communicator> communicator;
  return communicator;
}

bool is_on_device = false;

/// The same ranks as if each had a GPU.
std::unique_ptr<Communicator> open_nccl_over_mpi() {
  is_on_device = true;
  int level = 0;
  MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &level);
  BLIP2_CHECK(level == MPI_THREAD_MULTIPLE);
  int rank = 0, num_ranks = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &num_ranks);
  NcclOptions options{.rank = rank, .num_ranks = num_ranks, .device = strict_device()};
  options.share = [rank](const std::function<NcclId()>& make) {
    NcclId id = rank == 0 ? make() : NcclId{};
    MPI_Bcast(id.bytes, sizeof id.bytes, MPI_BYTE, 0, MPI_COMM_WORLD);
    return id;
  };
  return open_nccl(options, nccl_over_mpi());
}

}  // namespace

Communicator& ranks() { return *opened(); }

at::Device device() { return is_on_device ? strict_device() : at::Device(at::kCPU); }

at::Tensor numbers(at::IntArrayRef shape, const char* name, int64_t rank, at::ScalarType type) {
  Random random(7, name, static_cast<uint64_t>(rank));
  at::Tensor tensor = at::zeros(shape, at::kFloat);
  fill_normal(tensor, 1.0, random);
  return (type == at::kLong ? tensor * 1000 : tensor).to(type).to(device());
}

SharedFolder::SharedFolder() {
  const int64_t name =
      ranks()
          .all_gather(at::full({1}, static_cast<int64_t>(::getpid()), at::kLong))[0]
          .item<int64_t>();
  static int times = 0;
  path_ = std::filesystem::temp_directory_path() / fmt::format("blip2_ranks_{}_{}", name, ++times);
  make_directories(path_);
  ranks().wait_for_all();
}

SharedFolder::~SharedFolder() {
  ranks().wait_for_all();
  if (ranks().rank() == 0) std::filesystem::remove_all(path_);
}

}  // namespace blip2::testing

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  const blip2::Launch launch = blip2::read_launch();
  if (launch.num_ranks < 2) {
    std::fprintf(stderr, "these tests are for several processes: mpirun -n 2 %s\n", argv[0]);
    return 2;
  }
  if (argc == 3 && std::string(argv[1]) == "--counter") {
    return blip2::testing::check_counter(launch, argv[2]);
  }
  const bool is_nccl = argc == 2 && std::string(argv[1]) == "--nccl";
  blip2::testing::opened() =
      is_nccl ? blip2::testing::open_nccl_over_mpi() : blip2::open_communicator(launch);
  if (launch.rank > 0) {  // failures alone are worth saying twice
    delete ::testing::UnitTest::GetInstance()->listeners().Release(
        ::testing::UnitTest::GetInstance()->listeners().default_result_printer());
    class Failures : public ::testing::EmptyTestEventListener {
      void OnTestPartResult(const ::testing::TestPartResult& result) override {
        if (!result.failed()) return;
        fmt::print(stderr, "rank {}: {}:{}: {}\n", blip2::testing::ranks().rank(),
                   result.file_name() == nullptr ? "" : result.file_name(), result.line_number(),
                   result.message());
      }
    };
    ::testing::UnitTest::GetInstance()->listeners().Append(new Failures);
  }
  const int status = RUN_ALL_TESTS();
  blip2::testing::opened().reset();
  if (is_nccl) MPI_Finalize();
  return status;
}
