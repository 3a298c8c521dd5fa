// Activation checkpointing (Chen et al. 2016): a layer keeps only its inputs, and the backward pass
// runs it once more for what it needs. Values and gradients are those of the plain layer, to the
// bit; a step takes about a third longer.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <functional>
#include <iterator>
#include <utility>
#include <vector>

#include "blip2/nn/module.h"

namespace blip2 {

/// What becomes of a layer's activations between the forward and the backward pass.
enum class Activations { kKept, kRecomputed };

/// Tensors in, tensors out, and nothing else that is changed; may draw from torch's generator.
using TensorFunction = std::function<std::vector<at::Tensor>(const std::vector<at::Tensor>&)>;

/// function(inputs), recomputed in the backward pass. The gradient reaches only `inputs`: what
/// `function` holds itself is constant, and must last until the backward pass. Random numbers, such
/// as dropout's, are the same both times. No second derivatives.
std::vector<at::Tensor> recomputed(TensorFunction function, const std::vector<at::Tensor>& inputs);

/// run(layer, inputs), recomputed in the backward pass: the gradient reaches `inputs` and the
/// layer's tensors, which visit() names. `run` is copied, and must own everything else that it
/// uses.
template <typename Layer, typename Run>
std::vector<at::Tensor> recomputed(const Layer& layer, const std::vector<at::Tensor>& inputs,
                                   Run run) {
  Layer shape = layer;
  std::vector<at::Tensor> all;
  for (const NamedTensor& named : named_tensors(shape)) all.push_back(*named.tensor);
  const auto num_weights = static_cast<std::ptrdiff_t>(all.size());
  all.insert(all.end(), inputs.begin(), inputs.end());
  return recomputed(TensorFunction([shape, num_weights, run](const std::vector<at::Tensor>& given) {
                      Layer own = shape;
                      auto weight = given.begin();
                      for (const NamedTensor& named : named_tensors(own)) *named.tensor = *weight++;
                      return run(own,
                                 std::vector<at::Tensor>(given.begin() + num_weights, given.end()));
                    }),
                    all);
}

}  // namespace blip2
