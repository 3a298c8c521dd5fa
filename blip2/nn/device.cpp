// Finding, loading and naming devices.
#include "blip2/nn/device.h"

#include <ATen/Context.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <dlfcn.h>

#include <charconv>
#include <filesystem>
#include <optional>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"

namespace blip2 {
namespace {

/// The N of "cuda:N"; `index` for "cuda"; nothing for another name.
std::optional<int64_t> cuda_index(const std::string& name, int64_t index) {
  if (name == "cuda") return index;
  if (!name.starts_with("cuda:")) return std::nullopt;
  int64_t given = -1;
  const char* const end = name.data() + name.size();
  const auto [rest, error] = std::from_chars(name.data() + 5, end, given);
  return error == std::errc() && rest == end && given >= 0 ? std::optional(given) : std::nullopt;
}

/// The folder of the libtorch that this program runs with.
std::filesystem::path libtorch_folder() {
  Dl_info info = {};
  BLIP2_CHECK(::dladdr(reinterpret_cast<const void*>(&at::globalContext), &info) != 0);
  return std::filesystem::path(info.dli_fname).parent_path();
}

void load_cuda(const std::string& name) {
  const std::filesystem::path library = libtorch_folder() / "libtorch_cuda.so";
  if (!std::filesystem::exists(library)) {
    fail(ErrorCode::kInvalidArgument,
         "--device {}: this libtorch computes on the CPU alone: expected one built for CUDA, with "
         "{} (the build's TORCH_ROOT says which libtorch)",
         name, library.string());
  }
  if (::dlopen(library.c_str(), RTLD_NOW | RTLD_GLOBAL) == nullptr) {
    fail(ErrorCode::kInvalidArgument, "--device {}: CUDA does not load: {}", name, ::dlerror());
  }
}

}  // namespace

at::Device open_device(const std::string& name, int64_t index) {
  if (name == "cpu") return at::kCPU;
  const std::optional<int64_t> wanted = cuda_index(name, index);
  if (!wanted) {
    fail(ErrorCode::kInvalidArgument, "--device: expected cpu, cuda or cuda:N, found {}",
         quote(name));
  }
  load_cuda(name);
  const int64_t count = c10::impl::hasDeviceGuardImpl(at::kCUDA)
                            ? c10::impl::VirtualGuardImpl(at::kCUDA).deviceCount()
                            : 0;
  if (*wanted >= count) {
    fail(ErrorCode::kInvalidArgument,
         "--device {}: expected at least {} GPUs, as they are counted from 0, found {}", name,
         *wanted + 1, count);
  }
  at::globalContext().lazyInitDevice(at::kCUDA);
  const at::Device device(at::kCUDA, static_cast<c10::DeviceIndex>(*wanted));
  c10::impl::VirtualGuardImpl(at::kCUDA).setDevice(device);
  return device;
}

}  // namespace blip2
