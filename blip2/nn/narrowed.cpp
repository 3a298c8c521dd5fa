#include "blip2/nn/narrowed.h"

#include <ATen/core/grad_mode.h>

namespace blip2 {

Narrowed::Narrowed(const std::vector<NamedTensor>& tensors) {
  const at::NoGradGuard no_grad;
  for (const NamedTensor& named : tensors) {
    at::Tensor& tensor = *named.tensor;
    if (!tensor.is_floating_point() || tensor.dim() != 2 || tensor.requires_grad() ||
        tensor.scalar_type() == at::kBFloat16) {
      continue;
    }
    originals_.emplace_back(&tensor, tensor);
    tensor = tensor.to(at::kBFloat16);
  }
}

Narrowed::~Narrowed() {
  for (const auto& [tensor, original] : originals_) *tensor = original;
}

}  // namespace blip2
