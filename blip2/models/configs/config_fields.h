// Typed, range-checked reading of JSON configurations; every error names the file and the key. For
// the .cpp files of this room.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "blip2/base/error.h"

namespace blip2 {

/// The text of a file that must hold one JSON object.
nlohmann::ordered_json read_config(const std::filesystem::path& path);
/// Text that must be one JSON object. Throws kCorruptData, naming `where`.
nlohmann::ordered_json parse_config(std::string_view text, const std::string& where);

/// An object of a configuration. A member that is missing or null gives the fallback.
class ConfigFields {
 public:
  /// `object` must outlive this.
  ConfigFields(const nlohmann::ordered_json& object, std::string where);

  bool has(const char* key) const { return find(key) != nullptr; }
  /// A size: from 1 to 2^31 - 1.
  int64_t size(const char* key, int64_t fallback) const;
  /// Any integer; the first of a list of several (end tokens).
  int64_t integer(const char* key, int64_t fallback) const;
  double number(const char* key, double fallback) const;
  /// A number above 0.
  double positive(const char* key, double fallback) const;
  bool flag(const char* key, bool fallback) const;
  std::string text(const char* key, const std::string& fallback) const;
  /// The member, which must be an object; an empty one where it is missing.
  nlohmann::ordered_json object(const char* key) const;
  const nlohmann::ordered_json* find(const char* key) const;

  /// Throws kUnsupported unless the member is `only` or missing.
  void require_text(const char* key, const std::string& only) const;
  void require_flag(const char* key, bool only) const;

  [[noreturn]] void fail_at(const char* key, const std::string& expected) const;
  const std::string& where() const { return where_; }

 private:
  const nlohmann::ordered_json& object_;
  std::string where_;
};

/// Fills every field that visit(config) names: whole numbers as sizes, but those called *_token_id
/// as any integers; numbers above 0; flags; texts. What the object lacks stays as it is.
template <typename Config>
void read_fields(const ConfigFields& fields, Config& config) {
  visit(config, [&](const char* name, auto& field, const char*) {
    using Field = std::decay_t<decltype(field)>;
    if constexpr (std::is_same_v<Field, int64_t>) {
      const bool is_id = std::string_view(name).ends_with("_token_id");
      field = is_id ? fields.integer(name, field) : fields.size(name, field);
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
