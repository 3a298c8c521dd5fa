// Frozen matrices in bfloat16: permanently, or within a scope that restores the originals.
#pragma once

#include <ATen/core/Tensor.h>

#include <utility>
#include <vector>

#include "blip2/nn/module.h"

namespace blip2 {

/// Converts the frozen matrices among `tensors` to bfloat16, permanently. Others are unchanged.
void store_in_bfloat16(const std::vector<NamedTensor>& tensors);

/// While it lives, the frozen matrices among `tensors` are bfloat16, so that Autocast need not
/// convert them again in each step; its destructor restores them. The tensors must stay where they
/// are.
class Bfloat16Storage {
 public:
  explicit Bfloat16Storage(const std::vector<NamedTensor>& tensors);
  ~Bfloat16Storage();
  Bfloat16Storage(const Bfloat16Storage&) = delete;
  Bfloat16Storage& operator=(const Bfloat16Storage&) = delete;

 private:
  std::vector<std::pair<at::Tensor*, at::Tensor>> originals_;
};

}  // namespace blip2
