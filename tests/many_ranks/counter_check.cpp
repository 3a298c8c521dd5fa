// The shared counter of several processes. It starts MPI itself, so it is no test beside the
// others: mpirun -n 3 many_ranks_test --counter FOLDER.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <sstream>
#include <thread>
#include <vector>

#include "blip2/base/files.h"
#include "blip2/ranks/launch.h"
#include "blip2/ranks/open_shared_counter.h"
#include "tests/many_ranks/ranks.h"

namespace blip2::testing {
namespace {

constexpr int64_t kNumbers = 2000;

/// Rank 0, whose memory holds the counter, works on each number for a while; the others go on.
std::vector<int64_t> take_numbers(SharedCounter& counter, int64_t rank) {
  std::vector<int64_t> taken;
  for (int64_t number = counter.next(); number < kNumbers; number = counter.next()) {
    taken.push_back(number);
    if (rank == 0) std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  return taken;
}

std::filesystem::path file_of(const std::filesystem::path& folder, int64_t rank) {
  return folder / fmt::format("numbers-{}", rank);
}

}  // namespace

int check_counter(const Launch& launch, const std::filesystem::path& folder) {
  {
    const auto counter = open_shared_counter(launch);
    std::string text;
    for (const int64_t number : take_numbers(*counter, launch.rank))
      text += fmt::format("{} ", number);
    write_file_atomic(file_of(folder, launch.rank), text);
  }  // all ranks are at their end
  if (launch.rank != 0) return 0;
  std::vector<int64_t> all;
  size_t of_rank_0 = 0;
  for (int64_t rank = 0; rank < launch.num_ranks; ++rank) {
    std::istringstream text(read_file(file_of(folder, rank)));
    for (int64_t number = 0; text >> number;) all.push_back(number);
    if (rank == 0) of_rank_0 = all.size();
  }
  std::sort(all.begin(), all.end());
  bool is_each_once = std::ssize(all) == kNumbers;
  for (size_t i = 0; is_each_once && i < all.size(); ++i) {
    is_each_once = all[i] == static_cast<int64_t>(i);
  }
  fmt::print("{} numbers, {} of them rank 0's: {}\n", all.size(), of_rank_0,
             is_each_once ? "each once" : "not each once");
  return is_each_once && of_rank_0 > 0 && of_rank_0 < all.size() / 4 ? 0 : 1;
}

}  // namespace blip2::testing
