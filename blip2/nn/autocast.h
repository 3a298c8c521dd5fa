// Arithmetic in bfloat16 on weights of float32: linear layers, attention and convolutions take
// bfloat16 copies of what they are given; residuals, norms, losses and gradients of weights stay
// float32. torch's autocast, of one thread, while an object lives.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>

namespace blip2 {

/// Whether this processor multiplies bfloat16 matrices by itself (AMX, AVX-512 BF16). Elsewhere
/// bfloat16 saves memory and costs time.
bool has_bfloat16_arithmetic();

enum class Arithmetic { kFloat32, kBFloat16 };

/// bfloat16 where it is asked for and the device has it: a GPU, or such a processor.
Arithmetic arithmetic(bool asked_for_bfloat16, at::Device device = at::kCPU);

/// From here to the end of the scope; an inner one wins. Only the forward pass needs it: the
/// backward pass follows what was computed.
class Autocast {
 public:
  explicit Autocast(Arithmetic arithmetic);
  ~Autocast();
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  std::array<bool, 2> were_enabled_;  // on the CPU, on GPUs
};

/// Whether what is computed of x now is in bfloat16.
bool is_autocast(const at::Tensor& x);

}  // namespace blip2
