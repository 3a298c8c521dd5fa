// The ranks of a run on GPUs, one each, which talk over NCCL.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>

#include "blip2/ranks/communicator.h"
#include "blip2/ranks/nccl/library.h"

namespace blip2 {

struct NcclOptions {
  int64_t rank = 0;
  int64_t num_ranks = 1;
  at::Device device = at::kCUDA;
  /// Gives every rank what rank 0 makes. Called by all ranks alike.
  std::function<NcclId(const std::function<NcclId()>& make)> share = nullptr;
  /// The ranks' other connection, if there is one: it tells them what has failed, and watches who
  /// is alive.
  std::shared_ptr<Communicator> watch = nullptr;
};

/// Connects the ranks; returns when all are there. Sums and everything else have a connection each,
/// and a stream, so that sums go on while a backward pass runs; what they read was computed before
/// on the stream that is current where they are called. Tensors of the CPU go by way of the device.
/// Sums are in NCCL's order, which depends on how the GPUs are connected, not on the run. Throws
/// kUnavailable with NCCL's reason.
std::unique_ptr<Communicator> open_nccl(const NcclOptions& options,
                                        const NcclFunctions& nccl = nccl_functions());

}  // namespace blip2
