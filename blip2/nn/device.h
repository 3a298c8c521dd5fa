// Where tensors live: the CPU, or a GPU. CUDA's half of libtorch is loaded when a GPU is asked for:
// the program is built, and runs on the CPU, without it.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <string>

namespace blip2 {

/// "cpu", "cuda:N", or "cuda", which is the machine's GPU `index`; a GPU becomes this process's
/// current one. Throws kInvalidArgument for another name, for a torch without CUDA, and for a GPU
/// that is not there.
at::Device open_device(const std::string& name, int64_t index = 0);

}  // namespace blip2
