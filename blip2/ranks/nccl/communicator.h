// The communicator of ranks with a GPU each, over NCCL.
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
  /// Returns on every rank the id that rank 0 makes. All ranks call it.
  std::function<NcclId(const std::function<NcclId()>& make)> share = nullptr;
  /// Another connection of the ranks, if there is one: it reports failures and watches the ranks.
  std::shared_ptr<Communicator> watch = nullptr;
};

/// Connects the ranks and returns when all have connected. Sums have a connection and a stream of
/// their own, so that they run during a backward pass. An operation starts after the work that is
/// on the current stream when it is called. Tensors on the CPU are copied to the device and back.
/// Sums are in NCCL's order, which depends on how the GPUs are connected, not on the run. Throws
/// kUnavailable with NCCL's message.
std::unique_ptr<Communicator> open_nccl(const NcclOptions& options,
                                        const NcclFunctions& nccl = nccl_functions());

}  // namespace blip2
