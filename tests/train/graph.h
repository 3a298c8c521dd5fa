// A look into autograd's graph: what a backward pass would run.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

namespace blip2::testing {

/// How many nodes behind `output` have `name` in their names.
int64_t count_nodes(const at::Tensor& output, const std::string& name);

/// How many operations behind `output` took `parameter`, a leaf.
int64_t count_uses(const at::Tensor& output, const at::Tensor& parameter);

}  // namespace blip2::testing
