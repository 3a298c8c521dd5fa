// Opens the counter that fits how this process was started.
#pragma once

#include <memory>

#include "blip2/ranks/launch.h"
#include "blip2/ranks/shared_counter.h"

namespace blip2 {

/// The counter of all ranks under MPI; else one of this process alone (jobs that are started on
/// their own, as those of a Slurm array are, do not know each other). Throws kInvalidArgument where
/// there are ranks and this program was built without MPI; as open_mpi_counter().
std::unique_ptr<SharedCounter> open_shared_counter(const Launch& launch);

}  // namespace blip2
