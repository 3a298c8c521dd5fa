// The mean of the trained tensors over the last steps of a run: Polyak & Juditsky (1992);
// "stochastic weight averaging", Izmailov et al. (2018). It does not influence the steps.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "blip2/nn/module.h"

namespace blip2 {

class WeightAverage {
 public:
  /// The mean of the weights after step `first_step` (from 1) and after each later one. 0: no mean,
  /// and all methods do nothing. Keeps pointers to the parameters.
  WeightAverage(const std::vector<NamedTensor>& parameters, int64_t first_step);

  /// Call once after every step, in order. A step that was not applied counts too.
  void add(int64_t step);
  /// Exchanges weights and means if there is a mean after `last_step`.
  void swap(int64_t last_step);
  /// The means, to save and to load: "average.NAME".
  std::vector<NamedTensor> state();

 private:
  struct Slot {
    NamedTensor parameter;
    at::Tensor mean;
  };
  bool has_mean(int64_t step) const { return first_step_ > 0 && step >= first_step_; }

  int64_t first_step_;
  std::vector<Slot> slots_;
};

}  // namespace blip2
