// How the ranks of a run talk. The loop and the stages get it as an argument; models never see it.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <future>
#include <string>
#include <vector>

#include "blip2/base/error.h"

namespace blip2 {

/// Collective operations: every rank calls the same ones in the same order, sums apart from the
/// others (a sum that runs in the background neither waits for a gather nor holds one up). Where a
/// rank is lost, they throw kUnavailable with a line that names it. One thread at a time.
class Communicator {
 public:
  Communicator(int64_t rank, int64_t world_size);
  virtual ~Communicator() = default;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  int64_t rank() const { return rank_; }
  int64_t world_size() const { return world_size_; }

  /// Starts to add up `tensor` (contiguous; float32, float64 or int64; of one shape everywhere)
  /// over the ranks, in place and in rank order, so that the sum is reproducible and the same on
  /// all of them. Returns at once; the tensor holds the sum when the future is ready. No gradient.
  virtual std::future<void> start_sum(at::Tensor tensor) = 0;
  /// Stacks the ranks' [B, ...] into [W*B, ...], rank-major; B is the same on all ranks. No
  /// gradient.
  virtual at::Tensor all_gather(const at::Tensor& tensor) = 0;
  /// Sends the first counts.send[0] rows of `rows` [M, ...] to rank 0, the next counts.send[1] to
  /// rank 1, and so on; returns what the ranks sent here, rank-major [sum of counts.receive, ...].
  /// No gradient.
  struct RowCounts {
    std::vector<int64_t> send, receive;  ///< a number for each rank
  };
  virtual at::Tensor exchange_rows(const at::Tensor& rows, const RowCounts& counts) = 0;
  /// Tells the other ranks that this one has failed, and why: theirs end too, with its error code
  /// and a line that names it. To be called at most once, and nothing after it.
  virtual void abandon(const Error& error) = 0;

  void all_reduce_sum_(at::Tensor& tensor) { start_sum(tensor).get(); }
  /// Returns when every rank has called it.
  void wait_for_all();

 private:
  int64_t rank_, world_size_;
};

/// One process: every operation is the identity.
class SingleProcess final : public Communicator {
 public:
  SingleProcess() : Communicator(0, 1) {}
  std::future<void> start_sum(at::Tensor tensor) override;
  at::Tensor all_gather(const at::Tensor& tensor) override;
  at::Tensor exchange_rows(const at::Tensor& rows, const RowCounts& counts) override;
  void abandon(const Error&) override {}
};

}  // namespace blip2
