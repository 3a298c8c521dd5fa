#include "blip2/text/json_fields.h"

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <system_error>

#include "blip2/base/error.h"
#include "blip2/base/files.h"

namespace blip2 {
namespace {

using nlohmann::json;

constexpr uintmax_t kMaxFileBytes = 256u << 20;  // the largest in use have some 30 MB

[[noreturn]] void wrong_type(const std::string& where, const char* expected, const json& found) {
  fail(ErrorCode::kCorruptData, "{}: expected {}, found {}", where, expected, found.type_name());
}

}  // namespace

json read_json_object(const std::filesystem::path& path) {
  std::error_code error;
  const uintmax_t size = std::filesystem::file_size(path, error);
  if (!error && size > kMaxFileBytes) {
    fail(ErrorCode::kCorruptData, "{}: expected at most {} bytes, found {}", path.string(),
         kMaxFileBytes, size);
  }
  json value;
  try {
    value = json::parse(read_file(path));
  } catch (const json::exception&) {
    fail(ErrorCode::kCorruptData, "{}: expected a JSON object, found text that is not JSON",
         path.string());
  }
  if (!value.is_object()) wrong_type(path.string(), "an object", value);
  return value;
}

JsonPlace object_at(const json& value, const std::string& where) {
  if (!value.is_object()) wrong_type(where, "an object", value);
  return {value, where};
}

const json* member(const JsonPlace& place, const char* key) {
  const auto found = place.object.find(key);
  return found == place.object.end() || found->is_null() ? nullptr : &*found;
}

const json& need(const JsonPlace& place, const char* key) {
  const json* value = member(place, key);
  if (!value) fail(ErrorCode::kCorruptData, "{}: expected \"{}\", found none", place.where, key);
  return *value;
}

std::string string_or(const JsonPlace& place, const char* key, const std::string& fallback) {
  const json* value = member(place, key);
  return value ? as_string(*value, place.where + ": " + key) : fallback;
}

bool flag_or(const JsonPlace& place, const char* key, bool fallback) {
  return optional_flag(place, key).value_or(fallback);
}

std::optional<bool> optional_flag(const JsonPlace& place, const char* key) {
  const json* value = member(place, key);
  if (!value) return std::nullopt;
  if (!value->is_boolean()) wrong_type(place.where + ": " + key, "true or false", *value);
  return value->get<bool>();
}

int64_t integer_or(const JsonPlace& place, const char* key, int64_t fallback) {
  const json* value = member(place, key);
  return value ? as_integer(*value, place.where + ": " + key) : fallback;
}

std::string as_string(const json& value, const std::string& where) {
  if (!value.is_string()) wrong_type(where, "a string", value);
  return value.get<std::string>();
}

int64_t as_integer(const json& value, const std::string& where) {
  if (!value.is_number_integer()) wrong_type(where, "an integer", value);
  const bool fits = !value.is_number_unsigned() || value.get<uint64_t>() <= INT64_MAX;
  if (!fits) fail(ErrorCode::kCorruptData, "{}: expected 63 bits, found {}", where, value.dump());
  return value.get<int64_t>();
}

const json& as_array(const json& value, const std::string& where) {
  if (!value.is_array()) wrong_type(where, "an array", value);
  return value;
}

}  // namespace blip2
