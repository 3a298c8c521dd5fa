// Collects the versions, CPU features and devices that `blip2 --version` prints.
#include "apps/version.h"

#include <ATen/Version.h>
#include <fmt/format.h>
#include <torch/version.h>

#include "blip2/base/threads.h"

namespace blip2 {
namespace {

/// The features of this processor by which kernels are chosen at run time.
std::string cpu_features() {
  std::string features = at::get_cpu_capability();  // the level that torch's kernels use
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2")) features += " avx2";
  if (__builtin_cpu_supports("fma")) features += " fma";
  if (__builtin_cpu_supports("avx512f")) features += " avx512f";
  if (__builtin_cpu_supports("avx512vnni")) features += " avx512_vnni";
  if (__builtin_cpu_supports("avx512bf16")) features += " avx512_bf16";
  if (__builtin_cpu_supports("amx-bf16")) features += " amx_bf16";
#endif
  return features;
}

}  // namespace

std::string version_text() {
  return fmt::format("blip2 {}\ntorch {}\nCPU features: {}\ndevices: cpu ({} cores)\n",
                     BLIP2_VERSION, TORCH_VERSION, cpu_features(), num_physical_cores());
}

}  // namespace blip2
