// Logits in float32, without gradients.
#include "blip2/nn/decoder.h"

#include <ATen/core/grad_mode.h>

#include "blip2/nn/module.h"

namespace blip2 {

at::Tensor Decoder::start() {
  const at::NoGradGuard no_grad;
  return widened(first_logits());
}

at::Tensor Decoder::step(const at::Tensor& ids) {
  const at::NoGradGuard no_grad;
  return widened(next_logits(ids));
}

}  // namespace blip2
