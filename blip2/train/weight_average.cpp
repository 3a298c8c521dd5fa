// A running mean: each step moves it by its share of the difference.
#include "blip2/train/weight_average.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros_like.h>

namespace blip2 {

WeightAverage::WeightAverage(const std::vector<NamedTensor>& parameters, int64_t first_step)
    : first_step_(first_step) {
  if (first_step == 0) return;
  for (const NamedTensor& parameter : parameters) {
    slots_.push_back({parameter, at::zeros_like(parameter.tensor->detach())});
  }
}

void WeightAverage::add(int64_t step) {
  if (!has_mean(step)) return;
  const at::NoGradGuard no_grad;
  const double share = 1.0 / static_cast<double>(step - first_step_ + 1);
  for (Slot& slot : slots_) slot.mean.lerp_(*slot.parameter.tensor, share);
}

void WeightAverage::swap(int64_t last_step) {
  if (!has_mean(last_step)) return;
  const at::NoGradGuard no_grad;
  for (Slot& slot : slots_) {
    const at::Tensor weights = slot.parameter.tensor->clone();
    slot.parameter.tensor->copy_(slot.mean);
    slot.mean.copy_(weights);
  }
}

std::vector<NamedTensor> WeightAverage::state() {
  std::vector<NamedTensor> tensors;
  for (Slot& slot : slots_) tensors.push_back({"average." + slot.parameter.name, &slot.mean});
  return tensors;
}

}  // namespace blip2
