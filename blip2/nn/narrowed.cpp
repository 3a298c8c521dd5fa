// Converting matrices, and putting the originals back.
#include "blip2/nn/narrowed.h"

#include <ATen/core/grad_mode.h>

namespace blip2 {
namespace {

bool is_frozen_matrix(const at::Tensor& tensor) {
  return tensor.defined() && tensor.is_floating_point() && tensor.dim() == 2 &&
         !tensor.requires_grad();
}

}  // namespace

void narrow(const std::vector<NamedTensor>& tensors) {
  for (const NamedTensor& named : tensors) {
    if (is_frozen_matrix(*named.tensor)) *named.tensor = named.tensor->to(at::kBFloat16);
  }
}

Narrowed::Narrowed(const std::vector<NamedTensor>& tensors) {
  for (const NamedTensor& named : tensors) {
    if (is_frozen_matrix(*named.tensor)) originals_.emplace_back(named.tensor, *named.tensor);
  }
  narrow(tensors);
}

Narrowed::~Narrowed() {
  for (const auto& [tensor, original] : originals_) *tensor = original;
}

}  // namespace blip2
