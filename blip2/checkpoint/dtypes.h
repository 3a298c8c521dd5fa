// The one list of element types and of their names in files.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <string_view>

namespace blip2 {

struct DtypeNames {
  at::ScalarType dtype;
  std::string_view name;         ///< torch's and config.json's: "float32"
  std::string_view safetensors;  ///< "F32"; empty: the format has none
  std::string_view storage;      ///< torch.save's: "FloatStorage"; empty: it has none
};

/// All of them, those that safetensors has in the order of its writer (later ones come first in a
/// file). Its packed types F4, F6_E2M3 and F6_E3M2 come after BOOL; torch has none.
std::span<const DtypeNames> dtypes();

/// "float32"; torch's own word where the list has none.
std::string_view dtype_name(at::ScalarType dtype);

}  // namespace blip2
