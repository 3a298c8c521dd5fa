// Typed reading of JSON objects that come from outside: every error names the file, the field, and
// what was found. For .cpp files of this room.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

namespace blip2 {

/// Reads a file that must hold one JSON object. Throws kCorruptData; kNotFound for a missing file.
nlohmann::json read_json_object(const std::filesystem::path& path);

/// An object within a file: `where` names it in messages ("tokenizer.json: model").
struct JsonPlace {
  const nlohmann::json& object;
  std::string where;
};

/// Wraps a value that must be an object. Throws kCorruptData.
JsonPlace object_at(const nlohmann::json& value, const std::string& where);

/// The member `key`, or nullptr where it is missing or null.
const nlohmann::json* member(const JsonPlace& place, const char* key);
/// The member `key`. Throws kCorruptData where it is missing or null.
const nlohmann::json& need(const JsonPlace& place, const char* key);

// Members of a type; missing and null give the fallback, another type throws kCorruptData.
std::string string_or(const JsonPlace& place, const char* key, const std::string& fallback);
bool flag_or(const JsonPlace& place, const char* key, bool fallback);
std::optional<bool> optional_flag(const JsonPlace& place, const char* key);
int64_t integer_or(const JsonPlace& place, const char* key, int64_t fallback);

// Values of a type; another type throws kCorruptData.
std::string as_string(const nlohmann::json& value, const std::string& where);
int64_t as_integer(const nlohmann::json& value, const std::string& where);
const nlohmann::json& as_array(const nlohmann::json& value, const std::string& where);

}  // namespace blip2
