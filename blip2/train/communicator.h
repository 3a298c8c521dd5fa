// How the ranks of a run talk. The loop and the stages get it as an argument; models never see it.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace blip2 {

/// Collective operations: every rank calls the same ones in the same order.
class Communicator {
 public:
  virtual ~Communicator() = default;

  virtual int64_t rank() const = 0;
  virtual int64_t world_size() const = 0;
  /// Adds up `tensor` over the ranks, in place, in rank order (so that the sum is reproducible). No
  /// gradient.
  virtual void all_reduce_sum_(at::Tensor& tensor) = 0;
  /// Stacks the ranks' [B, ...] into [W*B, ...], rank-major; B is the same on all ranks. No
  /// gradient.
  virtual at::Tensor all_gather(const at::Tensor& tensor) = 0;
};

/// One process: every operation is the identity.
class SingleProcess final : public Communicator {
 public:
  int64_t rank() const override { return 0; }
  int64_t world_size() const override { return 1; }
  void all_reduce_sum_(at::Tensor&) override {}
  at::Tensor all_gather(const at::Tensor& tensor) override;
};

}  // namespace blip2
