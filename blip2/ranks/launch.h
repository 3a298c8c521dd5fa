// How this process was started: alone, or as one rank of several by mpirun, srun or torchrun. Found
// in the environment variables alone, so that a run of one process does not start MPI.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "blip2/ranks/communicator.h"

namespace blip2 {

enum class Launcher { kNone, kMpi, kSlurmWithoutMpi, kTorchrun };

struct Launch {
  Launcher launcher = Launcher::kNone;
  int64_t rank = 0;
  int64_t num_ranks = 1;
  int64_t ranks_on_this_machine = 1;
  int64_t rank_on_this_machine = 0;  ///< the number of this rank's GPU
};

/// Reads the variables of Open MPI's mpirun (OMPI_COMM_WORLD_*), of PMI and PMIx under srun, of
/// Slurm's tasks, and of torchrun. `variable` returns a variable's value, or a null pointer.
Launch read_launch(const std::function<const char*(const char*)>& variable);
Launch read_launch();

struct CommunicatorOptions {
  at::Device device = at::kCPU;
  double silence_limit_s = 30;  ///< as MpiOptions::silence_limit_s
};

/// The communicator of a training run: a SingleProcess, or one of all ranks over MPI on the CPU and
/// over NCCL on GPUs, started by mpirun, srun or torchrun. Throws kInvalidArgument, with the
/// command that works, under torchrun on the CPU, under srun without MPI, and if this program was
/// built without MPI; else as open_mpi() and open_nccl() do.
std::unique_ptr<Communicator> open_communicator(const Launch& launch,
                                                const CommunicatorOptions& options = {});

}  // namespace blip2
