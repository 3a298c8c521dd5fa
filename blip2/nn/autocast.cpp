// torch's autocast, switched per thread and restored.
#include "blip2/nn/autocast.h"

#include <ATen/autocast_mode.h>

namespace blip2 {
namespace {

constexpr std::array kDevices = {at::kCPU, at::kCUDA};

}  // namespace

bool has_bfloat16_arithmetic() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bf16") || __builtin_cpu_supports("amx-bf16");
#else
  return false;
#endif
}

Arithmetic arithmetic(bool asked_for_bfloat16, at::Device device) {
  const bool has_it = !device.is_cpu() || has_bfloat16_arithmetic();
  return asked_for_bfloat16 && has_it ? Arithmetic::kBFloat16 : Arithmetic::kFloat32;
}

Autocast::Autocast(Arithmetic arithmetic) {
  at::autocast::increment_nesting();
  for (size_t i = 0; i < kDevices.size(); ++i) {
    were_enabled_[i] = at::autocast::is_autocast_enabled(kDevices[i]);
    at::autocast::set_autocast_dtype(kDevices[i], at::kBFloat16);
    at::autocast::set_autocast_enabled(kDevices[i], arithmetic == Arithmetic::kBFloat16);
  }
}

Autocast::~Autocast() {
  for (size_t i = 0; i < kDevices.size(); ++i) {
    at::autocast::set_autocast_enabled(kDevices[i], were_enabled_[i]);
  }
  // It remembers the copies of trained weights, which change with the next update.
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
}

bool is_autocast(const at::Tensor& x) {
  const at::DeviceType type = x.device().type();
  return (type == at::kCPU || type == at::kCUDA) && at::autocast::is_autocast_enabled(type);
}

}  // namespace blip2
