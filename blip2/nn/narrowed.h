// Frozen matrices in bfloat16: for good, or for as long as somebody computes with them, without
// losing what they were.
#pragma once

#include <ATen/core/Tensor.h>

#include <utility>
#include <vector>

#include "blip2/nn/module.h"

namespace blip2 {

/// Makes the frozen matrices among `tensors` bfloat16, for good. Others stay as they are.
void narrow(const std::vector<NamedTensor>& tensors);

/// While it lives, the frozen matrices among `tensors` are bfloat16, so that Autocast need not
/// convert them again in each step; then they are what they were before. The tensors must stay
/// where they are.
class Narrowed {
 public:
  explicit Narrowed(const std::vector<NamedTensor>& tensors);
  ~Narrowed();
  Narrowed(const Narrowed&) = delete;
  Narrowed& operator=(const Narrowed&) = delete;

 private:
  std::vector<std::pair<at::Tensor*, at::Tensor>> originals_;
};

}  // namespace blip2
