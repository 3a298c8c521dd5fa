#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "blip2/base/files.h"
#include "blip2/nn/module.h"
#include "blip2/train/launch.h"
#include "tests/ranks/ranks.h"

namespace blip2::testing {
namespace {

std::unique_ptr<Communicator>& opened() {
  static std::unique_ptr<Communicator> communicator;
  return communicator;
}

}  // namespace

Communicator& ranks() { return *opened(); }

at::Tensor numbers(at::IntArrayRef shape, const char* name, int64_t rank, at::ScalarType type) {
  Random random(7, name, static_cast<uint64_t>(rank));
  at::Tensor tensor = at::zeros(shape, at::kFloat);
  fill_normal(tensor, 1.0, random);
  return type == at::kLong ? (tensor * 1000).to(type) : tensor.to(type);
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
  blip2::testing::opened() = blip2::open_communicator(launch);
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
  return status;
}
