// The mean of the ranks' gradients, computed in buckets during the backward pass: the sum of a
// bucket starts in the background as soon as its last gradient is complete. As in PyTorch
// Distributed (Li et al. 2020, section 3.2.3).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <future>
#include <vector>

#include "blip2/nn/module.h"
#include "blip2/ranks/communicator.h"

namespace blip2 {

class GradientReducer {
 public:
  /// `parameters`: leaf tensors of one floating-point type, the same on all ranks. Adds hooks to
  /// them. With one process all methods do nothing.
  GradientReducer(const std::vector<NamedTensor>& parameters, Communicator& communicator,
                  int64_t bucket_bytes = 8 << 20);
  ~GradientReducer();
  GradientReducer(const GradientReducer&) = delete;
  GradientReducer& operator=(const GradientReducer&) = delete;

  /// Call before the backward pass that completes the gradients of a step.
  void start();
  /// Waits, and sets each parameter's gradient to the mean over the ranks. A gradient that is
  /// missing on this rank counts as zero; one that is missing on all ranks stays undefined.
  void finish();

  /// In the last step: all buckets, and those whose sum started before finish().
  int64_t num_buckets() const { return static_cast<int64_t>(buckets_.size()); }
  int64_t num_started_early() const { return num_started_early_; }

 private:
  struct Bucket {
    std::vector<size_t> parameters;  // in the order in which their gradients are complete
    at::Tensor values;               // the gradients end to end, then a flag for each: 1 = defined
    size_t num_ready = 0;
    std::future<void> sum;
  };
  struct Place {
    size_t bucket = 0;
    int64_t first = 0;  // index of its first value
    int64_t flag = 0;   // index of its flag
    bool ready = false;
  };

  void lay_out(const std::vector<size_t>& order, int64_t bucket_bytes);
  at::Tensor values_of(size_t parameter) const;
  void set(size_t parameter, const at::Tensor& gradient);
  void take(size_t parameter, const at::Tensor& gradient);
  void start_ready_buckets();
  void put_back(const Bucket& bucket);
  void learn_order();

  Communicator& communicator_;
  const int64_t bucket_bytes_;
  std::vector<at::Tensor> parameters_;
  std::vector<unsigned> hooks_;
  std::vector<Bucket> buckets_;
  std::vector<Place> places_;  // of each parameter
  std::vector<size_t> arrival_;
  size_t num_started_ = 0;
  int64_t num_started_early_ = 0;
  bool running_ = false;
  bool order_is_known_ = false;
};

}  // namespace blip2
