// AdamW over a model's trained tensors, by torch's fused kernel, and clipping by the gradient's
// norm. Learning rates come from schedule.h.
#pragma once

#include <ATen/core/Tensor.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "blip2/nn/module.h"

namespace blip2 {

struct AdamWOptions {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0.05;
  /// A factor of the learning rate for each parameter; empty: 1 for all.
  std::vector<double> rate_scales = {};
};

/// LAVIS's rule: all tensors decay, the 0-dimensional temperature too, except 1-dimensional ones
/// and those whose name ends in ".bias".
bool is_decayed(const std::string& name, const at::Tensor& parameter);

/// Adam with decoupled weight decay, as torch.optim.AdamW. Keeps pointers to the parameters.
class AdamW {
 public:
  AdamW(const std::vector<NamedTensor>& parameters, const AdamWOptions& options);

  void zero_grad();
  /// One update. A parameter without a gradient does not change.
  void step(double learning_rate);
  /// The optimiser's tensors, to save and to load: "exp_avg.NAME" and "exp_avg_sq.NAME" with the
  /// parameter's shape, "num_steps.NAME" [] float32.
  std::vector<NamedTensor> state();

 private:
  struct Slot {
    NamedTensor parameter;
    at::Tensor exp_avg;
    at::Tensor exp_avg_sq;
    at::Tensor num_steps;  // []
    bool decayed = false;
    double rate_scale = 1;
  };
  /// Updates the slots with this decay and scale.
  void step_group(bool decayed, double rate_scale, double learning_rate);

  AdamWOptions options_;
  std::vector<Slot> slots_;
  std::set<std::pair<bool, double>> groups_;  // decayed, rate_scale
};

/// The L2 norm over all gradients; 0 if there are none.
double gradient_norm(const std::vector<NamedTensor>& parameters);

/// Multiplies all gradients by max_norm / (norm + 1e-6) if that is below 1, as
/// torch.nn.utils.clip_grad_norm_ does.
void clip_gradients(const std::vector<NamedTensor>& parameters, double norm, double max_norm);

}  // namespace blip2
