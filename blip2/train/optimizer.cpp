// Parameters with the same decay and rate are updated by one call of the kernel.
#include "blip2/train/optimizer.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>

#include "blip2/base/error.h"

namespace blip2 {

bool is_decayed(const std::string& name, const at::Tensor& parameter) {
  return parameter.dim() != 1 && !name.ends_with(".bias");
}

AdamW::AdamW(const std::vector<NamedTensor>& parameters, const AdamWOptions& options)
    : options_(options) {
  BLIP2_CHECK(options.rate_scales.empty() || options.rate_scales.size() == parameters.size());
  for (size_t i = 0; i < parameters.size(); ++i) {
    const NamedTensor& parameter = parameters[i];
    const at::Tensor tensor = parameter.tensor->detach();
    slots_.push_back({.parameter = parameter,
                      .exp_avg = at::zeros_like(tensor),
                      .exp_avg_sq = at::zeros_like(tensor),
                      .num_steps = at::zeros({}, tensor.options().dtype(at::kFloat)),
                      .decayed = is_decayed(parameter.name, tensor),
                      .rate_scale = options.rate_scales.empty() ? 1 : options.rate_scales[i]});
    groups_.emplace(slots_.back().decayed, slots_.back().rate_scale);
  }
}

void AdamW::zero_grad() {
  for (Slot& slot : slots_) slot.parameter.tensor->mutable_grad() = at::Tensor();
}

void AdamW::step(double learning_rate) {
  const at::NoGradGuard no_grad;
  for (const auto& [decayed, rate_scale] : groups_) step_group(decayed, rate_scale, learning_rate);
}

void AdamW::step_group(bool decayed, double rate_scale, double learning_rate) {
  std::vector<at::Tensor> parameters, gradients, exp_avgs, exp_avg_sqs, num_steps;
  for (Slot& slot : slots_) {
    if (slot.decayed != decayed || slot.rate_scale != rate_scale) continue;
    if (!slot.parameter.tensor->grad().defined()) continue;
    slot.num_steps.add_(1);  // the kernel takes the number of this step
    parameters.push_back(*slot.parameter.tensor);
    gradients.push_back(slot.parameter.tensor->grad());
    exp_avgs.push_back(slot.exp_avg);
    exp_avg_sqs.push_back(slot.exp_avg_sq);
    num_steps.push_back(slot.num_steps);
  }
  if (parameters.empty()) return;
  at::_fused_adamw_(parameters, gradients, exp_avgs, exp_avg_sqs, /*max_exp_avg_sqs=*/{}, num_steps,
                    learning_rate * rate_scale, options_.beta1, options_.beta2,
                    decayed ? options_.weight_decay : 0.0, options_.eps, /*amsgrad=*/false,
                    /*maximize=*/false);
}

std::vector<NamedTensor> AdamW::state() {
  std::vector<NamedTensor> tensors;
  for (Slot& slot : slots_) {
    tensors.push_back({"exp_avg." + slot.parameter.name, &slot.exp_avg});
    tensors.push_back({"exp_avg_sq." + slot.parameter.name, &slot.exp_avg_sq});
    tensors.push_back({"num_steps." + slot.parameter.name, &slot.num_steps});
  }
  return tensors;
}

double gradient_norm(const std::vector<NamedTensor>& parameters) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> norms;
  for (const NamedTensor& parameter : parameters) {
    const at::Tensor gradient = parameter.tensor->grad();
    if (gradient.defined()) norms.push_back(at::linalg_vector_norm(gradient));
  }
  if (norms.empty()) return 0;
  return at::linalg_vector_norm(at::stack(norms)).item<double>();
}

void clip_gradients(const std::vector<NamedTensor>& parameters, double norm, double max_norm) {
  const at::NoGradGuard no_grad;
  const double scale = max_norm / (norm + 1e-6);
  if (scale >= 1) return;
  for (const NamedTensor& parameter : parameters) {
    at::Tensor gradient = parameter.tensor->grad();
    if (gradient.defined()) gradient.mul_(scale);
  }
}

}  // namespace blip2
