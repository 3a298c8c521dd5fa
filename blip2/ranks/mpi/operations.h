// The collectives of the MPI communicator as objects that are started and polled until they are
// done. Used by its thread alone.
#pragma once

#include <ATen/core/Tensor.h>
#include <mpi.h>

#include <cstdint>
#include <future>
#include <memory>

#include "blip2/ranks/communicator.h"

namespace blip2 {

/// Throws kUnavailable with MPI's message unless `code` is MPI_SUCCESS.
void check_mpi(int code, const char* what);

class MpiOperation {
 public:
  virtual ~MpiOperation() = default;
  virtual void start(MPI_Comm comm) = 0;
  /// Makes progress if possible. True when the operation is done.
  virtual bool poll() = 0;

  std::promise<void> done;
};

/// Sums `tensor` over the ranks in rank order, in place. Each rank sums a share of the elements,
/// which the others send it, and all gather the shares. Each rank sends 2 (W-1)/W times the
/// tensor's bytes, as in a ring.
std::unique_ptr<MpiOperation> make_sum(at::Tensor tensor);

/// Gathers `own` [B, ...] of each rank into `all` [W*B, ...].
std::unique_ptr<MpiOperation> make_gather(at::Tensor own, at::Tensor all);

/// Communicator::exchange_rows(), into `received`.
std::unique_ptr<MpiOperation> make_exchange(at::Tensor rows, at::Tensor received,
                                            const Communicator::RowCounts& counts);

}  // namespace blip2
