#include "blip2/models/configs/config_fields.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/checkpoint/messages.h"

namespace blip2 {

using json = nlohmann::ordered_json;

json parse_config(std::string_view text, const std::string& where) {
  try {
    json value = json::parse(text);
    if (value.is_object()) return value;
  } catch (const json::exception&) {
    fail(ErrorCode::kCorruptData, "{}: expected a JSON object, found text that is not JSON", where);
  }
  fail(ErrorCode::kCorruptData, "{}: expected a JSON object", where);
}

json read_config(const std::filesystem::path& path) {
  return parse_config(read_file(path), path.string());
}

ConfigFields::ConfigFields(const json& object, std::string where)
    : object_(object), where_(std::move(where)) {}

const json* ConfigFields::find(const char* key) const {
  const auto found = object_.find(key);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

void ConfigFields::fail_at(const char* key, const std::string& expected) const {
  constexpr size_t kLongest = 120;  // bytes of the value in a message
  const json* value = find(key);
  // Written as JSON, ASCII alone: on one line, whatever it holds.
  const std::string found =
      value == nullptr ? "nothing" : value->dump(-1, ' ', true, json::error_handler_t::replace);
  fail(ErrorCode::kCorruptData, "{}: {}: expected {}, found {}", where_, key, expected,
       found.size() <= kLongest ? found : found.substr(0, kLongest) + "...");
}

int64_t ConfigFields::size(const char* key, int64_t fallback) const {
  const int64_t value = integer(key, fallback);
  if (value < 1 || value > std::numeric_limits<int32_t>::max()) fail_at(key, "a positive size");
  return value;
}

int64_t ConfigFields::integer(const char* key, int64_t fallback) const {
  const json* value = find(key);
  if (value == nullptr) return fallback;
  if (value->is_array() && !value->empty()) value = &value->front();
  if (!value->is_number_integer() ||
      (value->is_number_unsigned() &&
       value->get<uint64_t>() > uint64_t{std::numeric_limits<int64_t>::max()})) {
    fail_at(key, "an integer");
  }
  return value->get<int64_t>();
}

double ConfigFields::number(const char* key, double fallback) const {
  const json* value = find(key);
  if (value == nullptr) return fallback;
  if (!value->is_number() || !std::isfinite(value->get<double>())) fail_at(key, "a number");
  return value->get<double>();
}

double ConfigFields::positive(const char* key, double fallback) const {
  const double value = number(key, fallback);
  if (!(value > 0)) fail_at(key, "a number above 0");
  return value;
}

bool ConfigFields::flag(const char* key, bool fallback) const {
  const json* value = find(key);
  if (value == nullptr) return fallback;
  if (!value->is_boolean()) fail_at(key, "true or false");
  return value->get<bool>();
}

std::string ConfigFields::text(const char* key, const std::string& fallback) const {
  const json* value = find(key);
  if (value == nullptr) return fallback;
  if (!value->is_string()) fail_at(key, "a text");
  return value->get<std::string>();
}

json ConfigFields::object(const char* key) const {
  const json* value = find(key);
  if (value == nullptr) return json::object();
  if (!value->is_object()) fail_at(key, "an object");
  return *value;
}

void ConfigFields::require_text(const char* key, const std::string& only) const {
  if (text(key, only) != only) {
    fail(ErrorCode::kUnsupported, "{}: {}: this program knows {}, found {}", where_, key,
         quote(only), quote(text(key, only)));
  }
}

void ConfigFields::require_flag(const char* key, bool only) const {
  if (flag(key, only) != only) {
    fail(ErrorCode::kUnsupported, "{}: {}: this program knows {} alone, found {}", where_, key,
         only, !only);
  }
}

}  // namespace blip2
