// The collectives of the MPI communicator as things that are started, and polled until they are
// done. Used by its one thread alone.
#pragma once

#include <ATen/core/Tensor.h>
#include <mpi.h>

#include <cstdint>
#include <future>
#include <memory>

#include "blip2/ranks/communicator.h"

namespace blip2 {

/// Throws kUnavailable with MPI's words, unless `code` says success.
void check_mpi(int code, const char* what);

class MpiOperation {
 public:
  virtual ~MpiOperation() = default;
  virtual void start(MPI_Comm comm) = 0;
  /// Goes on where there is something to do; true when all is done.
  virtual bool poll() = 0;

  std::promise<void> done;
};

/// Adds `tensor` up in rank order, in place. Each rank sums its share of the elements (what the
/// others send it: W-1 parts) and all gather the shares: 2 (W-1)/W times the tensor's bytes leave
/// each rank, as in a ring.
std::unique_ptr<MpiOperation> make_sum(at::Tensor tensor);

/// Gathers `own` [B, ...] of each rank into `all` [W*B, ...].
std::unique_ptr<MpiOperation> make_gather(at::Tensor own, at::Tensor all);

/// Communicator::exchange_rows(); `received` has the rows that come.
std::unique_ptr<MpiOperation> make_exchange(at::Tensor rows, at::Tensor received,
                                            const Communicator::RowCounts& counts);

}  // namespace blip2
