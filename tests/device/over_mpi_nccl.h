// NCCL's part, played on the tests' device by MPI: what the program asks of NCCL is done, in the
// order in which NCCL would do it, so that ranks without GPUs can try the code that is for GPUs.
#pragma once

#include "blip2/ranks/nccl/library.h"

namespace blip2::testing {

/// MPI must be started, with MPI_THREAD_MULTIPLE. Sums are in the ranks' order.
const NcclFunctions& nccl_over_mpi();

}  // namespace blip2::testing
