// 129 million records in 10,240 shards: how long opening them takes, how much memory, and whether
// an epoch visits each record once at 1, 2 and 16 ranks. The shards are an index alone (names and
// counts, as widsindex writes it); only their order is measured, so no tar is read.
#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "blip2/base/files.h"
#include "blip2/data/open_source.h"
#include "blip2/data/pipeline.h"

namespace blip2 {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Megabytes of memory that this process has resident.
double resident_mb() {
  std::ifstream file("/proc/self/statm");
  double total = 0, resident = 0;
  file >> total >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1e6;
}

std::string index_of(int64_t records, int64_t shards) {
  std::string json = R"({"wids_version": 1, "shardlist": [)";
  for (int64_t i = 0; i < shards; ++i) {
    const int64_t count = records * (i + 1) / shards - records * i / shards;
    json += fmt::format(R"({}{{"url": "part-{:05}/{:05}.tar", "nsamples": {}}})",
                        i == 0 ? "" : ", ", i / 1000, i, count);
  }
  return json + "]}";
}

/// How many records the stretches of all ranks visit once.
int64_t visited_once(const Mixture& mixture, int64_t ranks, int64_t batch_size) {
  const EpochOrder order = mixture.order(42, true, 0);
  const int64_t batches = mixture.epoch_size() / batch_size / ranks;
  std::vector<bool> seen(static_cast<size_t>(mixture.epoch_size()));
  int64_t once = 0;
  for (int64_t rank = 0; rank < ranks; ++rank) {  // as Pipeline numbers a rank's samples
    const int64_t first = rank * batches * batch_size;
    for (int64_t i = 0; i < batches * batch_size; ++i) {
      const auto record = static_cast<size_t>(order.at(first + i).index);
      if (seen[record]) return -1;
      seen[record] = true;
      ++once;
    }
  }
  return once;
}

void measure(const std::filesystem::path& folder, int64_t records, int64_t shards,
             const std::vector<int64_t>& ranks) {
  const std::filesystem::path index = folder / "index.json";
  write_file_atomic(index, index_of(records, shards));
  const double before = resident_mb();
  const auto start = Clock::now();
  std::vector<MixturePart> parts;
  parts.push_back(
      {.name = "web",
       .source = open_source(
           {.name = "web", .format = "webdataset", .annotations = {index}, .images = {}}),
       .sample_ratio = 1});
  const Mixture mixture(std::move(parts));
  const EpochOrder order = mixture.order(42, true, 0);
  const RecordAddress first = order.at(0);
  fmt::print("{:>13} records, {} shards: open in {:.3f} s, {:.1f} MB; first record {}\n", records,
             shards, seconds_since(start), resident_mb() - before, first.index);
  for (const int64_t number : ranks) {
    const auto begin = Clock::now();
    const int64_t once = visited_once(mixture, number, 100);
    fmt::print("{:>13} of them visited once by {} ranks, {} ns each\n", once, number,
               static_cast<int64_t>(seconds_since(begin) * 1e9 / static_cast<double>(records)));
    std::fflush(stdout);
  }
}

}  // namespace
}  // namespace blip2

int main() {
  std::string folder = (std::filesystem::temp_directory_path() / "blip2-bench-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) return 1;
  blip2::measure(folder, 129'000'000, 10'240, {1, 2, 16});
  blip2::measure(folder, 129'000'000'000, 10'240, {});
  std::filesystem::remove_all(folder);
}
