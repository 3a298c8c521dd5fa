// Configurations read field by field from JSON, by the names that their visit() gives. For the .cpp
// files of this room.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string_view>
#include <type_traits>

#include "blip2/base/error.h"
#include "blip2/base/json_fields.h"

namespace blip2 {

/// Configurations keep the order of their file.
using ConfigFields = OrderedJsonFields;

/// Fills every field that visit(config) names: integers as sizes, except those called *_token_id,
/// which may be any integer; numbers above 0; flags; texts. What the object lacks stays as it is.
template <typename Config>
void read_fields(const ConfigFields& fields, Config& config) {
  visit(config, [&](const char* name, auto& field, const char*) {
    using Field = std::decay_t<decltype(field)>;
    if constexpr (std::is_same_v<Field, int64_t>) {
      const bool is_id = std::string_view(name).ends_with("_token_id");
      field = is_id ? fields.first_integer(name, field) : fields.size(name, field);
    } else if constexpr (std::is_same_v<Field, double>) {
      field = fields.positive(name, field);
    } else if constexpr (std::is_same_v<Field, bool>) {
      field = fields.flag(name, field);
    } else {
      field = fields.text(name, field);
    }
  });
}

/// validate(config), with the file's name before its message. Throws kCorruptData.
template <typename Config>
void refuse_bad(const ConfigFields& fields, const Config& config) {
  try {
    validate(config);
  } catch (const Error& error) {
    fail(ErrorCode::kCorruptData, "{}: {}", fields.where(), error.what());
  }
}

}  // namespace blip2
