#include "blip2/nn/autocast.h"

#include <ATen/autocast_mode.h>

namespace blip2 {

bool has_bfloat16_arithmetic() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bf16") || __builtin_cpu_supports("amx-bf16");
#else
  return false;
#endif
}

Arithmetic arithmetic(bool asked_for_bfloat16) {
  return asked_for_bfloat16 && has_bfloat16_arithmetic() ? Arithmetic::kBFloat16
                                                         : Arithmetic::kFloat32;
}

Autocast::Autocast(Arithmetic arithmetic)
    : was_enabled_(at::autocast::is_autocast_enabled(at::kCPU)) {
  at::autocast::increment_nesting();
  at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  at::autocast::set_autocast_enabled(at::kCPU, arithmetic == Arithmetic::kBFloat16);
}

Autocast::~Autocast() {
  at::autocast::set_autocast_enabled(at::kCPU, was_enabled_);
  // It remembers the copies of trained weights, which change with the next update.
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
}

bool is_autocast(const at::Tensor& x) {
  return at::autocast::is_autocast_enabled(x.device().type());
}

}  // namespace blip2
