// AdamW over a model's trained tensors, by torch's fused kernel; the gradient's norm, and clipping
// by it. Learning rates come from train/schedule.
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
  /// What each parameter's learning rate is multiplied with; empty: 1.
  std::vector<double> rate_scales = {};
};

/// LAVIS's rule: 1-dimensional tensors and names that end in ".bias" are not decayed; all others
/// are, the 0-dimensional temperature too.
bool is_decayed(const std::string& name, const at::Tensor& parameter);

/// Decoupled weight decay as in torch.optim.AdamW. The parameters must stay where they are.
class AdamW {
 public:
  AdamW(const std::vector<NamedTensor>& parameters, const AdamWOptions& options);

  void zero_grad();
  /// One update. A parameter without a gradient is left as it is.
  void step(double learning_rate);
  /// The optimiser's own tensors, to save and to load into: "exp_avg.NAME", "exp_avg_sq.NAME" (like
  /// the parameter) and "num_steps.NAME" ([], float32).
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
  /// Updates the slots that are decayed or not, and scaled, alike.
  void step_group(bool decayed, double rate_scale, double learning_rate);

  AdamWOptions options_;
  std::vector<Slot> slots_;
  std::set<std::pair<bool, double>> groups_;  // decayed, rate_scale
};

/// L2 norm over all gradients; 0 if there is none.
double gradient_norm(const std::vector<NamedTensor>& parameters);

/// Scales all gradients by max_norm / (norm + 1e-6) where that is below 1, as
/// torch.nn.utils.clip_grad_norm_.
void clip_gradients(const std::vector<NamedTensor>& parameters, double norm, double max_norm);

}  // namespace blip2
