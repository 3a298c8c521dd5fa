// The communicator of ranks that are processes under MPI (mpirun, or srun with PMIx or PMI-2).
// Built only with MPI (CMake: BLIP2_MPI).
#pragma once

#include <memory>

#include "blip2/ranks/communicator.h"

namespace blip2 {

struct MpiOptions {
  /// A rank that sends no message for so long is taken for dead. Every rank sends one each second,
  /// from a thread of its own, also while it computes, loads or saves.
  double silence_limit_s = 30;
};

/// Starts MPI and returns when all ranks have started; once in a process. A thread of its own makes
/// all calls to MPI, so that sums run while the caller computes, and all ranks notice a dead one.
/// After the loss of a rank, operations throw kUnavailable with a line that names it. A process
/// that calls none for 20 s after that is ended with the same line. Tensors must be on the CPU. The
/// destructor ends MPI and waits for all ranks, unless one was lost or abandoned the run: then the
/// process should exit with a status other than 0, so that the launcher ends the others. Throws
/// kUnavailable if MPI cannot start.
std::unique_ptr<Communicator> open_mpi(const MpiOptions& options = {});

}  // namespace blip2
