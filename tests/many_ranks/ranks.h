// What the tests that run as several processes share: mpirun -n N many_ranks_test. Every rank runs
// the same tests in the same order, and checks its own part.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>

#include "blip2/ranks/communicator.h"
#include "blip2/ranks/launch.h"

namespace blip2::testing {

/// Of all ranks; opened by main() for all tests.
Communicator& ranks();

/// Where the tests' tensors live: the CPU, or with --nccl a device that stands for a GPU.
at::Device device();

/// A tensor of normal numbers, there, that is fixed by (name, rank), so that every rank knows what
/// the others have.
at::Tensor numbers(at::IntArrayRef shape, const char* name, int64_t rank, at::ScalarType type);

/// A folder that all ranks share; it vanishes when all have left.
class SharedFolder {
 public:
  SharedFolder();
  ~SharedFolder();
  SharedFolder(const SharedFolder&) = delete;
  SharedFolder& operator=(const SharedFolder&) = delete;
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// Takes numbers from the shared counter with all ranks; the exit status. See counter_check.cpp.
int check_counter(const Launch& launch, const std::filesystem::path& folder);

}  // namespace blip2::testing
