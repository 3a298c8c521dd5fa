// A device for tests that behaves like a GPU where programs go wrong: what lies on it cannot be
// read in place, and an operation on its tensors and on the CPU's together is refused.
#pragma once

#include <c10/core/Device.h>

#include <cstddef>
#include <functional>

namespace blip2::testing {

/// The device. Its operations are computed on the CPU, but not always by the same kernels.
at::Device strict_device();

/// Of what lies on the device: makes bytes of it readable, and readable ones what lies there.
void scramble_bytes(std::byte* bytes, size_t count);

/// Has the stream do something, after all that it was given before; the default stream, which has
/// no handle, at once. `stream`: its native handle.
void enqueue(void* stream, std::function<void()> work);

}  // namespace blip2::testing
