// The CPUs that the kernel allows, and the cores that they share.
#include "blip2/base/threads.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace blip2 {
namespace {

std::vector<int> allowed_cpus() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (sched_getaffinity(0, sizeof mask, &mask) != 0) return {};
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &mask)) cpus.push_back(cpu);
  }
  return cpus;
}

/// The container's quota in CPUs (cgroup v2: "max 100000" or "200000 100000"); a large number if
/// none.
int quota_cpus() {
  constexpr int kNoQuota = 1 << 20;
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  double quota_us = 0;
  double period_us = 0;
  if (!(file >> quota_us >> period_us) || quota_us <= 0 || period_us <= 0) return kNoQuota;
  return static_cast<int>(std::clamp(std::ceil(quota_us / period_us), 1.0, double{kNoQuota}));
}

/// The CPUs that the processes of this container may use together; nothing where the kernel does
/// not say.
std::vector<int> shared_cpus() {
  for (const char* file :
       {"/sys/fs/cgroup/cpuset.cpus.effective", "/sys/devices/system/cpu/online"}) {
    std::string list;
    if (std::ifstream(file) >> list && !list.empty()) return parse_cpu_list(list);
  }
  return {};
}

}  // namespace

std::vector<int> parse_cpu_list(const std::string& list) {
  std::vector<int> cpus;
  std::istringstream ranges(list);
  for (std::string range; std::getline(ranges, range, ',');) {
    int first = 0, last = 0;
    const int found = std::sscanf(range.c_str(), "%d-%d", &first, &last);
    if (found < 1) continue;
    if (found == 1) last = first;
    for (int cpu = first; cpu <= std::min(last, first + 65535); ++cpu) cpus.push_back(cpu);
  }
  return cpus;
}

int num_physical_cores_of_one_in(int64_t num_processes) {
  const int own = num_physical_cores();
  if (num_processes <= 1) return own;
  const std::vector<int> shared = shared_cpus();
  const int all = shared.empty() ? own : count_cores("/sys/devices/system/cpu", shared);
  const int64_t part = std::min(all, quota_cpus()) / num_processes;
  return static_cast<int>(std::clamp<int64_t>(part, 1, own));
}

int count_cores(const std::filesystem::path& cpu_folder, const std::vector<int>& allowed) {
  std::set<std::pair<int, int>> cores;
  int untold = 0;
  for (const int cpu : allowed) {
    const auto topology = cpu_folder / ("cpu" + std::to_string(cpu)) / "topology";
    std::pair<int, int> core;
    if (std::ifstream(topology / "physical_package_id") >> core.first &&
        std::ifstream(topology / "core_id") >> core.second) {
      cores.insert(core);
    } else {
      ++untold;
    }
  }
  return static_cast<int>(cores.size()) + untold;
}

int num_physical_cores() {
  int cores = count_cores("/sys/devices/system/cpu", allowed_cpus());
  if (cores == 0) cores = static_cast<int>(std::thread::hardware_concurrency());
  return std::max(1, std::min(cores, quota_cpus()));
}

}  // namespace blip2
