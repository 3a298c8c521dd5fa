// An autograd function that runs a layer again in the backward pass.
#include "blip2/nn/recompute.h"

#include <ATen/Context.h>
#include <ATen/ThreadLocalState.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/Generator.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>

#include <algorithm>
#include <mutex>

#include "blip2/base/error.h"

namespace blip2 {
namespace {

at::Tensor generator_state(const at::Device& device) {
  at::Generator generator = at::globalContext().defaultGenerator(device);
  const std::lock_guard<std::mutex> lock(generator.mutex());
  return generator.get_state();
}

void set_generator_state(const at::Device& device, const at::Tensor& state) {
  at::Generator generator = at::globalContext().defaultGenerator(device);
  const std::lock_guard<std::mutex> lock(generator.mutex());
  generator.set_state(state);
}

/// Sets torch's generator to an earlier state, and on leaving back to the state that it was in.
class Replay {
 public:
  Replay(const at::Device& device, const at::Tensor& state)
      : device_(device), found_(generator_state(device)) {
    set_generator_state(device_, state);
  }
  ~Replay() { set_generator_state(device_, found_); }
  Replay(const Replay&) = delete;
  Replay& operator=(const Replay&) = delete;

 private:
  at::Device device_;
  at::Tensor found_;
};

/// Autocast must not remember what it converts here: those are tensors of a moment.
class WithoutCastCache {
 public:
  WithoutCastCache() : enabled_(at::autocast::is_autocast_cache_enabled()) {
    at::autocast::set_autocast_cache_enabled(false);
  }
  ~WithoutCastCache() { at::autocast::set_autocast_cache_enabled(enabled_); }
  WithoutCastCache(const WithoutCastCache&) = delete;
  WithoutCastCache& operator=(const WithoutCastCache&) = delete;

 private:
  bool enabled_;
};

/// Tensors of their own with the same values, which require a gradient where these do. Hooks on the
/// originals do not see what is done with them.
std::vector<at::Tensor> aliases(const std::vector<at::Tensor>& tensors) {
  std::vector<at::Tensor> all;
  for (const at::Tensor& tensor : tensors) {
    all.push_back(tensor.detach());
    if (tensor.requires_grad()) all.back().set_requires_grad(true);
  }
  return all;
}

/// The place of a recomputed function in autograd's graph.
struct Recomputation : torch::autograd::Node {
  TensorFunction function;
  std::vector<at::Tensor> inputs;
  at::Device device = at::kCPU;
  at::Tensor generator;
  at::ThreadLocalState state;  // of the forward pass: autocast, gradients asked for

  torch::autograd::variable_list apply(torch::autograd::variable_list&& gradients) override;

  void release_variables() override {
    const std::lock_guard<std::mutex> lock(mutex_);
    function = nullptr;
    inputs.clear();
  }
};

torch::autograd::variable_list Recomputation::apply(torch::autograd::variable_list&& gradients) {
  const std::lock_guard<std::mutex> lock(mutex_);
  BLIP2_CHECK(function != nullptr);  // else it is the second backward pass
  const std::vector<at::Tensor> again = aliases(inputs);
  std::vector<at::Tensor> outputs;
  {
    const at::ThreadLocalStateGuard as_before(state);
    const WithoutCastCache no_cache;
    const Replay replay(device, generator);
    outputs = function(again);
  }
  BLIP2_CHECK(outputs.size() == gradients.size());
  std::vector<at::Tensor> reached, reached_gradients, wanted;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!gradients[i].defined() || !outputs[i].requires_grad()) continue;
    reached.push_back(outputs[i]);
    reached_gradients.push_back(gradients[i]);
  }
  outputs.clear();
  for (size_t i = 0; i < again.size(); ++i) {
    if (task_should_compute_output(i)) wanted.push_back(again[i]);
  }
  torch::autograd::variable_list result(again.size());
  if (reached.empty() || wanted.empty()) return result;
  const auto found = torch::autograd::grad(reached, wanted, reached_gradients,
                                           /*retain_graph=*/false, /*create_graph=*/false,
                                           /*allow_unused=*/true);
  size_t next = 0;
  for (size_t i = 0; i < again.size(); ++i) {
    if (task_should_compute_output(i)) result[i] = found[next++];
  }
  return result;
}

}  // namespace

std::vector<at::Tensor> recomputed(TensorFunction function, const std::vector<at::Tensor>& inputs) {
  BLIP2_CHECK(!inputs.empty());
  const bool is_trained = at::GradMode::is_enabled() &&
                          std::any_of(inputs.begin(), inputs.end(),
                                      [](const at::Tensor& x) { return x.requires_grad(); });
  if (!is_trained) return function(inputs);

  auto node = c10::make_intrusive<Recomputation>();
  node->set_next_edges(torch::autograd::collect_next_edges(inputs));
  node->inputs = inputs;
  node->device = inputs.back().device();
  node->generator = generator_state(node->device);
  std::vector<at::Tensor> outputs;
  {
    const WithoutCastCache no_cache;
    // As the backward pass will, with a graph, which is dropped here: without one, layers of few
    // rows are multiplied in another order, with other rounding.
    for (const at::Tensor& output : function(aliases(inputs))) outputs.push_back(output.detach());
  }
  node->function = std::move(function);
  for (const at::Tensor& output : outputs) torch::autograd::set_history(output, node);
  return outputs;
}

}  // namespace blip2
