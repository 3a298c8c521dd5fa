// Frozen matrices in bfloat16 for as long as somebody computes with them, without losing what they
// were.
#pragma once

#include <ATen/core/Tensor.h>

#include <utility>
#include <vector>

#include "blip2/nn/module.h"

namespace blip2 {

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
