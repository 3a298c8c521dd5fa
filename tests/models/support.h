// What the tests of this room share: where goldens lie, and how tensors are compared.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/sin.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "blip2/base/files.h"
#include "blip2/checkpoint/source.h"
#include "tests/support/assets.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tests_directory.h"
#include "tests/support/weights.h"

namespace blip2::testing {

/// Fails the test where the asset is not there.
#define BLIP2_REQUIRE_ASSET(path) \
  ASSERT_TRUE(std::filesystem::exists(path)) << (path) << ": run tools/fetch_assets"

inline std::filesystem::path golden(const std::string& name) {
  return testing::tests_directory() / "golden" / name;
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

}  // namespace blip2::testing
