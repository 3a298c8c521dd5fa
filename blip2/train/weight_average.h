// The mean of the trained tensors over the last steps of a run: Polyak & Juditsky (1992);
// "stochastic weight averaging", Izmailov et al. (2018). The steps themselves do not see it.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "blip2/nn/module.h"

namespace blip2 {

class WeightAverage {
 public:
  /// The mean of the weights after step `first_step` (from 1) and after each later one; 0: no mean
  /// is kept, and all that follows does nothing. The parameters must stay where they are.
  WeightAverage(const std::vector<NamedTensor>& parameters, int64_t first_step);

  /// To be called once after every step, in order; a step that was not applied counts too.
  void add(int64_t step);
  /// Exchanges weights and means, if `last_step` has reached the first one that counts.
  void swap(int64_t last_step);
  /// The means, to save and to load into: "average.NAME".
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
