// Structs between JSON and values, field by field, by the names that their visit() gives.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

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

/// Adds every field that visit(config) names to a JSON object, ids below 0 as null, and `torch_dtype`
/// float32: a language model's config.json.
template <typename Config, typename Json>
void write_fields(Config config, Json& object) {
  visit(config, [&](const char* name, const auto& field, const char*) {
    object[name] = field;
    if (std::string_view(name).ends_with("_token_id") && object[name] == -1) {
      object[name] = nullptr;
    }
  });
  object["torch_dtype"] = "float32";
}

/// Every whole number of a configuration that is not an id, by its name, in the order of visit().
template <typename Config>
std::vector<std::pair<std::string, int64_t>> whole_numbers(Config config) {
  std::vector<std::pair<std::string, int64_t>> sizes;
  visit(config, [&](const char* name, const auto& field, const char*) {
    if constexpr (std::is_same_v<std::decay_t<decltype(field)>, int64_t>) {
      if (!std::string_view(name).ends_with("_id")) sizes.emplace_back(name, field);
    }
  });
  return sizes;
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
