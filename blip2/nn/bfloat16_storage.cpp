// Converting matrices, and putting the originals back.
#include "blip2/nn/bfloat16_storage.h"

#include <ATen/core/grad_mode.h>

namespace blip2 {
namespace {

bool is_frozen_matrix(const at::Tensor& tensor) {
  return tensor.defined() && tensor.is_floating_point() && tensor.dim() == 2 &&
         !tensor.requires_grad();
}

}  // namespace

void store_in_bfloat16(const std::vector<NamedTensor>& tensors) {
  for (const NamedTensor& named : tensors) {
    if (is_frozen_matrix(*named.tensor)) *named.tensor = named.tensor->to(at::kBFloat16);
  }
}

Bfloat16Storage::Bfloat16Storage(const std::vector<NamedTensor>& tensors) {
  for (const NamedTensor& named : tensors) {
    if (is_frozen_matrix(*named.tensor)) originals_.emplace_back(named.tensor, *named.tensor);
  }
  store_in_bfloat16(tensors);
}

Bfloat16Storage::~Bfloat16Storage() {
  for (const auto& [tensor, original] : originals_) *tensor = original;
}

}  // namespace blip2
