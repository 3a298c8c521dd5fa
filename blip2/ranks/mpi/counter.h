// The shared counter of ranks under MPI: a number in rank 0's memory that all ranks fetch and
// increment by one-sided operations. Built only with MPI (CMake: BLIP2_MPI).
#pragma once

#include <memory>

#include "blip2/ranks/shared_counter.h"

namespace blip2 {

/// Starts MPI and returns when all ranks have started; once in a process, instead of open_mpi(). A
/// thread of its own makes all calls to MPI: on rank 0 it answers the others while its owner works.
/// The destructor waits for all ranks, unless an exception causes it: then the process should exit
/// with a status other than 0, so that the launcher ends the others. Throws kUnavailable if MPI
/// cannot start.
std::unique_ptr<SharedCounter> open_mpi_counter();

}  // namespace blip2
