// The checks of types and ranges, once for JSON that keeps its order and once for JSON that does
// not.
#include "blip2/base/json_fields.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/base/python_json.h"
#include "blip2/base/quote.h"
#include "blip2/base/text_file.h"

namespace blip2 {
namespace {

constexpr double kExactIntegers = 9007199254740992;  // 2^53; beyond it two ids may be one number
constexpr uintmax_t kMaxFileBytes = 256u << 20;      // the largest in use have some 30 MB

const Limit& size_limit() {
  static const Limit limit = between(1, std::numeric_limits<int32_t>::max());
  return limit;
}

/// Whether a value is worth writing out, and not nested so deeply that writing it takes the stack.
template <typename Json>
bool is_short(const Json& value, int depth = 3) {
  if (!value.is_structured()) return true;
  return depth > 0 && value.size() <= 16 &&
         std::all_of(value.begin(), value.end(),
                     [&](const Json& element) { return is_short(element, depth - 1); });
}

/// Written as JSON, ASCII alone, so that it stays on one line, and truncated.
template <typename Json>
std::string found_text(const Json* value) {
  if (value == nullptr) return "nothing";
  if (value->is_number_float() && !std::isfinite(value->template get<double>())) {
    return fmt::format("{}", value->template get<double>());
  }
  if (!is_short(*value)) return value->is_object() ? "an object" : "an array";
  return printable(value->dump(-1, ' ', true, Json::error_handler_t::replace));
}

template <typename Json>
[[noreturn]] void wrong_value(const std::string& where, const std::string& expected,
                              const Json* found) {
  fail(ErrorCode::kCorruptData, "{}: expected {}, found {}", where, expected, found_text(found));
}

template <typename Json>
std::optional<int64_t> to_integer(const Json& value) {
  if (!value.is_number_integer()) return std::nullopt;
  const bool is_too_large =
      value.is_number_unsigned() &&
      value.template get<uint64_t>() > uint64_t{std::numeric_limits<int64_t>::max()};
  if (is_too_large) return std::nullopt;
  return value.template get<int64_t>();
}

}  // namespace

template <typename Json>
BasicJsonFields<Json>::BasicJsonFields(const Json& object, std::string where)
    : object_(object), where_(std::move(where)) {
  if (!object_.is_object()) wrong_value(where_, "an object", &object_);
}

template <typename Json>
std::string BasicJsonFields<Json>::where(std::string_view key) const {
  return fmt::format("{}: {}", where_, key);
}

template <typename Json>
const Json* BasicJsonFields<Json>::find(const char* key) const {
  const auto found = object_.find(key);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

template <typename Json>
const Json& BasicJsonFields<Json>::need(const char* key) const {
  const Json* value = find(key);
  if (value == nullptr) {
    fail(ErrorCode::kCorruptData, "{}: expected \"{}\", found none", where_, key);
  }
  return *value;
}

template <typename Json>
void BasicJsonFields<Json>::fail_at(const char* key, const std::string& expected) const {
  wrong_value(where(key), expected, find(key));
}

template <typename Json>
int64_t BasicJsonFields<Json>::integer(const char* key, const Limit& limit) const {
  const Json* value = find(key);
  const std::optional<int64_t> number = value == nullptr ? std::nullopt : to_integer(*value);
  if (!number || !admits(limit, static_cast<double>(*number))) {
    fail_at(key, limit_text(limit, "an integer"));
  }
  return *number;
}

template <typename Json>
int64_t BasicJsonFields<Json>::integer(const char* key, int64_t fallback,
                                       const Limit& limit) const {
  return has(key) ? integer(key, limit) : fallback;
}

template <typename Json>
int64_t BasicJsonFields<Json>::first_integer(const char* key, int64_t fallback) const {
  const Json* value = find(key);
  if (value == nullptr || !value->is_array() || value->empty()) return integer(key, fallback);
  const std::optional<int64_t> number = to_integer(value->front());
  if (!number) fail_at(key, "an integer");
  return *number;
}

template <typename Json>
int64_t BasicJsonFields<Json>::size(const char* key, int64_t fallback) const {
  return integer(key, fallback, size_limit());
}

template <typename Json>
double BasicJsonFields<Json>::number(const char* key, const Limit& limit) const {
  const Json* value = find(key);
  if (value == nullptr || !value->is_number() || !admits(limit, value->template get<double>())) {
    fail_at(key, limit_text(limit, "a number"));
  }
  return value->template get<double>();
}

template <typename Json>
double BasicJsonFields<Json>::number(const char* key, double fallback, const Limit& limit) const {
  return has(key) ? number(key, limit) : fallback;
}

template <typename Json>
double BasicJsonFields<Json>::positive(const char* key, double fallback) const {
  return number(key, fallback, above(0));
}

template <typename Json>
bool BasicJsonFields<Json>::flag(const char* key, bool fallback) const {
  return optional_flag(key).value_or(fallback);
}

template <typename Json>
std::optional<bool> BasicJsonFields<Json>::optional_flag(const char* key) const {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) fail_at(key, "true or false");
  return value->template get<bool>();
}

template <typename Json>
std::string BasicJsonFields<Json>::text(const char* key) const {
  const Json* value = find(key);
  if (value == nullptr || !value->is_string()) fail_at(key, "a string");
  return value->template get<std::string>();
}

template <typename Json>
std::string BasicJsonFields<Json>::text(const char* key, const std::string& fallback) const {
  return has(key) ? text(key) : fallback;
}

template <typename Json>
const Json& BasicJsonFields<Json>::array(const char* key) const {
  const Json* value = find(key);
  if (value == nullptr || !value->is_array()) fail_at(key, "an array");
  return *value;
}

template <typename Json>
BasicJsonFields<Json> BasicJsonFields<Json>::fields(const char* key) const {
  const Json* value = find(key);
  if (value == nullptr) fail_at(key, "an object");
  return BasicJsonFields(*value, where(key));
}

template <typename Json>
Json BasicJsonFields<Json>::object(const char* key) const {
  return has(key) ? fields(key).json() : Json::object();
}

template <typename Json>
void BasicJsonFields<Json>::require_text(const char* key, const std::string& only) const {
  const std::string found = text(key, only);
  if (found == only) return;
  fail(ErrorCode::kUnsupported, "{}: only {} is supported, found {}", where(key), quote(only),
       quote(found));
}

template <typename Json>
void BasicJsonFields<Json>::require_flag(const char* key, bool only) const {
  if (flag(key, only) == only) return;
  fail(ErrorCode::kUnsupported, "{}: only {} is supported, found {}", where(key), only, !only);
}

template <typename Json>
Json parse_json_object(std::string_view text, const std::string& where) {
  std::optional<Json> value = try_parse_json<Json>(text);
  if (!value) {
    const size_t start = text.find_first_not_of(" \t\r\n");
    const bool is_page = start != std::string_view::npos && text[start] == '<';
    fail(ErrorCode::kCorruptData, "{}: expected a JSON object, found {}", where,
         is_page ? "a page of HTML or XML" : "text that is not JSON");
  }
  if (!value->is_object()) wrong_value(where, "a JSON object", &*value);
  return std::move(*value);
}

template <typename Json>
Json read_json_object(const std::filesystem::path& path) {
  std::error_code error;
  const uintmax_t size = std::filesystem::file_size(path, error);
  if (!error && size > kMaxFileBytes) {
    fail(ErrorCode::kCorruptData, "{}: expected at most {} bytes, found {}", path.string(),
         kMaxFileBytes, size);
  }
  return parse_json_object<Json>(read_text_file(path), path.string());
}

template <typename Json>
std::string as_text(const Json& value, const std::string& where) {
  if (!value.is_string()) wrong_value(where, "a string", &value);
  return value.template get<std::string>();
}

template <typename Json>
int64_t as_integer(const Json& value, const std::string& where) {
  const std::optional<int64_t> number = to_integer(value);
  if (!number) wrong_value(where, "an integer", &value);
  return *number;
}

template <typename Json>
std::string as_id(const Json& value, const std::string& where) {
  if (value.is_string()) return value.template get<std::string>();
  if (value.is_number_integer()) return value.dump();
  const double number = value.is_number_float() ? value.template get<double>() : 0;
  const bool is_exact = std::isfinite(number) && std::abs(number) < kExactIntegers;
  if (!value.is_number_float() || !is_exact)
    wrong_value(where, "an id, a string or a number", &value);
  if (number != std::floor(number)) return value.dump();
  return std::to_string(static_cast<int64_t>(number));
}

template <typename Json>
const Json& as_array(const Json& value, const std::string& where) {
  if (!value.is_array()) wrong_value(where, "an array", &value);
  return value;
}

template class BasicJsonFields<nlohmann::json>;
template class BasicJsonFields<nlohmann::ordered_json>;

template nlohmann::json parse_json_object(std::string_view, const std::string&);
template nlohmann::ordered_json parse_json_object(std::string_view, const std::string&);
template nlohmann::json read_json_object(const std::filesystem::path&);
template nlohmann::ordered_json read_json_object(const std::filesystem::path&);
template std::string as_text(const nlohmann::json&, const std::string&);
template std::string as_text(const nlohmann::ordered_json&, const std::string&);
template int64_t as_integer(const nlohmann::json&, const std::string&);
template int64_t as_integer(const nlohmann::ordered_json&, const std::string&);
template std::string as_id(const nlohmann::json&, const std::string&);
template std::string as_id(const nlohmann::ordered_json&, const std::string&);
template const nlohmann::json& as_array(const nlohmann::json&, const std::string&);
template const nlohmann::ordered_json& as_array(const nlohmann::ordered_json&, const std::string&);

}  // namespace blip2
