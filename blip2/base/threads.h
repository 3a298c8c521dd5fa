// How many CPU cores there are to use. Setting the number of threads belongs to those who own the
// threads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace blip2 {

/// Physical cores that this process may run on: hyper-threads of a core count once, CPUs outside
/// the process's affinity mask not at all, and a container's CPU quota caps the number. At least 1.
int num_physical_cores();

/// The cores for each of `num_processes` processes of this machine that share its work: what
/// num_physical_cores() says, but no more than an equal part of all cores that the processes may
/// have together (of the container's cpuset and quota). Where a launcher has bound each process to
/// cores of its own, these are taken whole. At least 1.
int num_physical_cores_of_one_in(int64_t num_processes);

/// The numbers of a list such as "0-3,8" (as in cpuset files); anything else in it is ignored.
std::vector<int> parse_cpu_list(const std::string& list);

/// Distinct (package, core) pairs of the CPUs `allowed`, read below `cpu_folder` (as
/// /sys/devices/system/cpu); a CPU whose topology is unknown counts as a core. For
/// num_physical_cores() and its test.
int count_cores(const std::filesystem::path& cpu_folder, const std::vector<int>& allowed);

}  // namespace blip2
