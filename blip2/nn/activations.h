// The activation functions of the model families, by the names that Hugging Face's config.json
// gives them.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>
#include <string_view>

namespace blip2 {

enum class Activation {
  kGelu,       ///< "gelu": x/2 (1 + erf(x / sqrt 2)), exact
  kGeluNew,    ///< "gelu_new", "gelu_pytorch_tanh": with tanh
  kQuickGelu,  ///< "quick_gelu": x sigmoid(1.702 x), as OpenAI's CLIP
  kRelu,       ///< "relu"
  kSilu,       ///< "silu": x sigmoid(x)
};

at::Tensor apply(Activation activation, const at::Tensor& x);

/// Nothing for an unknown name.
std::optional<Activation> parse_activation(std::string_view name);
std::string activation_name(Activation activation);

}  // namespace blip2
