// Opens the counter that fits how this process was started.
#pragma once

#include <memory>

#include "blip2/ranks/launch.h"
#include "blip2/ranks/shared_counter.h"

namespace blip2 {

/// The counter of all ranks under MPI, otherwise one of this process alone: jobs that are started
/// separately, such as those of a Slurm array, share none. Throws kInvalidArgument under MPI if
/// this program was built without it; else as open_mpi_counter() does.
std::unique_ptr<SharedCounter> open_shared_counter(const Launch& launch);

}  // namespace blip2
