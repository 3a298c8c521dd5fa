// The collective operations of a run's ranks. The loop and the stages get a Communicator as an
// argument; models never see it.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <future>
#include <string>
#include <vector>

#include "blip2/base/error.h"

namespace blip2 {

/// Collective operations. All ranks call the same sums in the same order, and the same other
/// operations in the same order; the two orders are independent, so that a sum in the background
/// neither waits for a gather nor delays one. If a rank is lost, operations throw kUnavailable with
/// a line that names it. One thread at a time.
class Communicator {
 public:
  Communicator(int64_t rank, int64_t world_size);
  virtual ~Communicator() = default;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  int64_t rank() const { return rank_; }
  int64_t world_size() const { return world_size_; }

  /// Starts the sum of `tensor` over the ranks, in place and in rank order, so that it is
  /// reproducible and the same on all ranks. `tensor` is contiguous, of the same shape on all
  /// ranks, and float32, float64 or int64. Returns at once; the tensor holds the sum when the
  /// future is ready. No gradient.
  virtual std::future<void> start_sum(at::Tensor tensor) = 0;
  /// Stacks the ranks' [B, ...] into [W*B, ...], rank-major; B is the same on all ranks. No
  /// gradient.
  virtual at::Tensor all_gather(const at::Tensor& tensor) = 0;
  struct RowCounts {
    std::vector<int64_t> send, receive;  ///< a number for each rank
  };
  /// Sends the first counts.send[0] rows of `rows` [M, ...] to rank 0, the next counts.send[1] to
  /// rank 1, and so on. Returns the rows that the ranks sent to this one, rank-major [sum of
  /// counts.receive, ...]. No gradient.
  virtual at::Tensor exchange_rows(const at::Tensor& rows, const RowCounts& counts) = 0;
  /// Tells the other ranks that this one has failed. They end too, with its error code and a line
  /// that names it. Called at most once, as the last operation.
  virtual void abandon(const Error& error) = 0;

  void all_reduce_sum_(at::Tensor& tensor) { start_sum(tensor).get(); }
  /// Returns when every rank has called it.
  void wait_for_all();

 private:
  int64_t rank_, world_size_;
};

/// A single process: every operation is the identity.
class SingleProcess final : public Communicator {
 public:
  SingleProcess() : Communicator(0, 1) {}
  std::future<void> start_sum(at::Tensor tensor) override;
  at::Tensor all_gather(const at::Tensor& tensor) override;
  at::Tensor exchange_rows(const at::Tensor& rows, const RowCounts& counts) override;
  void abandon(const Error&) override {}
};

}  // namespace blip2
