// How this process was started: alone, or as one rank of several by mpirun, srun or torchrun. Told
// from the environment alone, so that a plain run never touches MPI.
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
  int64_t rank_on_this_machine = 0;  ///< which of its GPUs is this rank's
};

/// Reads the variables of Open MPI's mpirun (OMPI_COMM_WORLD_*), of PMI and PMIx under srun, of
/// Slurm's tasks and of torchrun. `variable` gives a variable's value, or a null pointer.
Launch read_launch(const std::function<const char*(const char*)>& variable);
Launch read_launch();

struct CommunicatorOptions {
  at::Device device = at::kCPU;
  double silence_limit_s = 30;  ///< as MpiOptions
};

/// The communicator of a training run: of one process; of all ranks over MPI on the CPU, over NCCL
/// on GPUs, whether mpirun, srun or torchrun has started them. Throws kInvalidArgument, with the
/// command that works, under torchrun on the CPU, under srun without MPI, and where this program
/// was built without MPI; else as open_mpi() and open_nccl().
std::unique_ptr<Communicator> open_communicator(const Launch& launch,
                                                const CommunicatorOptions& options = {});

}  // namespace blip2
