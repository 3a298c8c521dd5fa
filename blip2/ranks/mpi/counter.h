// The shared counter of ranks under MPI: a number in rank 0's memory that the others fetch and
// raise by one-sided operations. Built only where MPI is there (CMake: BLIP2_MPI).
#pragma once

#include <memory>

#include "blip2/ranks/shared_counter.h"

namespace blip2 {

/// Starts MPI, once in a process and instead of open_mpi(); returns when all ranks are there. All
/// of MPI is called from one thread that this starts: rank 0's looks after MPI while its owner
/// works, so that nobody waits for it. The destructor waits until every rank is at its end, unless
/// it runs for an exception's sake: then the process should leave with a status other than 0, and
/// the launcher ends the others. Throws kUnavailable where MPI cannot start.
std::unique_ptr<SharedCounter> open_mpi_counter();

}  // namespace blip2
