// How many CPU cores there are to use. Setting the number of threads belongs to those who own the
// threads.
#pragma once

#include <filesystem>
#include <vector>

namespace blip2 {

/// Physical cores that this process may run on: hyper-threads of a core count once, CPUs outside
/// the process's affinity mask not at all, and a container's CPU quota caps the number. At least 1.
int num_physical_cores();

/// Distinct (package, core) pairs of the CPUs `allowed`, read below `cpu_folder` (as
/// /sys/devices/system/cpu); a CPU whose topology is not told counts as a core. For
/// num_physical_cores() and its test.
int count_cores(const std::filesystem::path& cpu_folder, const std::vector<int>& allowed);

}  // namespace blip2
