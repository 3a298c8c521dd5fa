// The ranks of a run as processes under MPI (mpirun, or srun with PMIx or PMI-2): launch and
// collectives. Built only where MPI is there (CMake: BLIP2_MPI).
#pragma once

#include <memory>

#include "blip2/ranks/communicator.h"

namespace blip2 {

struct MpiOptions {
  /// A rank that gives no sign of life for so long is taken for dead. Every rank gives one a
  /// second, from a thread of its own: long computing, loading or saving is no silence.
  double silence_limit_s = 30;
};

/// Starts MPI, once in a process; returns when all ranks are there. All of MPI is called from one
/// thread that this starts, so that sums go on while the caller computes, and so that a dead rank
/// is noticed by all. When one is lost the operations throw kUnavailable with a line that names it;
/// a caller that meets none of them for 20 s more has its process ended with that line. Collectives
/// move bytes of the host's memory: tensors must be on the CPU. The destructor ends MPI (all ranks
/// must be at their end), unless a rank was lost or has given up: then the process should leave
/// with a status other than 0, and the launcher ends the others. Throws kUnavailable where MPI
/// cannot start.
std::unique_ptr<Communicator> open_mpi(const MpiOptions& options = {});

}  // namespace blip2
