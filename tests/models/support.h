// What the tests of this room share: where assets and goldens lie, and how tensors are compared.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/sin.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "blip2/base/files.h"
#include "blip2/checkpoint/source.h"
#include "blip2/nn/module.h"

namespace blip2::testing {

/// The folder of the fetched assets.
inline std::filesystem::path assets() {
  if (const char* folder = std::getenv("BLIP2_ASSETS")) return folder;
  const char* home = std::getenv("HOME");
  return std::filesystem::path(home == nullptr ? "" : home) / ".cache/blip2";
}

/// Fails the test where the asset is not there.
#define BLIP2_REQUIRE_ASSET(path) \
  ASSERT_TRUE(std::filesystem::exists(path)) << (path) << ": run tools/fetch_assets"

inline std::filesystem::path golden(const std::string& name) {
  return std::filesystem::path(BLIP2_TESTS_DIR) / "golden" / name;
}

/// The largest difference over the largest value.
inline double relative_difference(const at::Tensor& found, const at::Tensor& expected) {
  if (found.sizes() != expected.sizes()) {
    ADD_FAILURE() << "shape " << found.sizes() << ", expected " << expected.sizes();
    return 1e30;
  }
  const at::Tensor wide = expected.detach().to(at::kDouble);
  return (found.detach().to(at::kDouble) - wide).abs().max().item<double>() /
         wide.abs().max().item<double>();
}

/// A folder of this test, gone when it ends.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "blip2_models_XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) ADD_FAILURE() << "cannot make a temporary folder";
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Distinct values near 0 in every floating-point tensor, variances and norms positive: no zero
/// bias, no unit norm weight, so that a forgotten term or a swapped axis shows.
inline void fill_distinct(const std::vector<NamedTensor>& tensors, uint64_t seed) {
  Random random(seed, "test weights");
  for (const NamedTensor& named : tensors) {
    if (!named.tensor->is_floating_point()) continue;
    fill_normal(*named.tensor, 0.1, random);
    const bool positive = named.name.ends_with("running_var") ||
                          (named.tensor->dim() == 1 && named.name.ends_with("weight"));
    if (positive) named.tensor->abs_().add_(0.7);
  }
}

}  // namespace blip2::testing
