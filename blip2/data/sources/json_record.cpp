// One JSON object -> Record, with an error that names the field.
#include "blip2/data/sources/json_record.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "blip2/base/error.h"

namespace blip2 {

namespace {

using Json = nlohmann::json;

[[noreturn]] void wrong_field(const std::string& where, const char* expected, const Json* found) {
  fail(ErrorCode::kCorruptData, "{}: expected {}, found {}", where, expected,
       found == nullptr ? "none" : found->type_name());
}

const Json* find_field(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

std::string optional_name(const Json& object, const char* name, const std::string& otherwise,
                          const std::string& where) {
  const Json* value = find_field(object, name);
  if (value == nullptr || value->is_null()) return otherwise;
  if (value->is_string()) return value->get<std::string>();
  if (value->is_number_integer()) return value->dump();
  wrong_field(where, fmt::format("\"{}\" as a string or an integer", name).c_str(), value);
}

/// "5.0", as a table with gaps in its column of numbers writes 5, is "5".
std::string without_zero_fraction(const std::string& text) {
  const size_t dot = text.find('.');
  if (dot == std::string::npos || dot + 1 == text.size()) return text;
  const size_t sign = text[0] == '-' ? 1 : 0;
  const bool is_whole = dot > sign && text.find_first_not_of("0123456789", sign) == dot &&
                        text.find_first_not_of('0', dot + 1) == std::string::npos;
  return is_whole ? text.substr(0, dot) : text;
}

/// A name that may be a number: 5, 5.0, "5" and "5.0" are one.
std::string optional_id(const Json& object, const char* name, const std::string& otherwise,
                        const std::string& where) {
  constexpr double kExact = 9007199254740992;  // 2^53: beyond it a double is not one integer
  const Json* value = find_field(object, name);
  if (value == nullptr || value->is_null()) return otherwise;
  if (value->is_string()) return without_zero_fraction(value->get_ref<const std::string&>());
  if (value->is_number_integer()) return value->dump();
  const double number = value->is_number_float() ? value->get<double>() : std::nan("");
  if (!std::isfinite(number)) {
    wrong_field(where, fmt::format("\"{}\" as a string or a number", name).c_str(), value);
  }
  const bool is_whole = std::trunc(number) == number && std::abs(number) < kExact;
  return is_whole ? std::to_string(static_cast<int64_t>(number)) : value->dump();
}

/// A caption, or a list of them; or of answers.
std::vector<std::string> captions_in(const Json* value, const std::string& where) {
  constexpr const char* kExpected = "\"caption\" as a string or a list of strings";
  if (value != nullptr && value->is_string()) return {value->get<std::string>()};
  if (value == nullptr || !value->is_array()) wrong_field(where, kExpected, value);
  std::vector<std::string> captions;
  for (const Json& caption : *value) {
    if (!caption.is_string()) wrong_field(where, kExpected, &caption);
    captions.push_back(caption.get<std::string>());
  }
  return captions;
}

std::vector<std::string> captions_of(const Json& object, const std::string& where) {
  const Json* answers = find_field(object, "answer");
  const Json* value = find_field(object, "caption");
  std::vector<std::string> captions = captions_in(value == nullptr ? answers : value, where);
  if (captions.empty()) fail(ErrorCode::kCorruptData, "{}: \"caption\" is an empty list", where);
  return captions;
}

/// Where the picture is in a shard, if the object says so.
std::optional<FileRange> stored_in(const Json& object, const std::filesystem::path& image,
                                   const std::string& where) {
  const Json* offset = find_field(object, "offset");
  const Json* size = find_field(object, "size");
  const bool names_shard = image.string().find(".tar/") != std::string::npos;
  if (!names_shard || offset == nullptr || size == nullptr) return std::nullopt;
  const auto number = [&](const Json& value, const char* name) {
    constexpr auto kMost = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    if (!value.is_number_unsigned() || value.get<uint64_t>() > kMost) {
      wrong_field(where, fmt::format("\"{}\" as a number of bytes", name).c_str(), &value);
    }
    return value.get<int64_t>();
  };
  const std::string path = image.string();
  return FileRange{path.substr(0, path.rfind(".tar/") + 4), number(*offset, "offset"),
                   number(*size, "size")};
}

Json parse(std::string_view text, const std::string& where, const char* expected) {
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    const size_t at = std::min(text.size(), error.byte > 0 ? error.byte - 1 : 0);
    fail(ErrorCode::kCorruptData, "{}: expected {}, found a syntax error at byte {} of {}", where,
         expected, at, text.size());
  } catch (const Json::exception&) {  // a number beyond a double's range
    fail(ErrorCode::kCorruptData, "{}: expected {}, found a number out of range", where, expected);
  }
}

Record to_record(const Json& object, const std::string& where,
                 const std::filesystem::path& images) {
  if (!object.is_object()) wrong_field(where, "a JSON object", &object);
  const Json* image = find_field(object, "image");
  if (image == nullptr || !image->is_string() || image->get_ref<const std::string&>().empty()) {
    wrong_field(where, "\"image\" as a path", image);
  }
  const std::string& path = image->get_ref<const std::string&>();
  Record record;
  record.key = optional_id(object, "key", path, where);
  record.image = images / path;
  record.stored = stored_in(object, record.image, where);
  record.captions = captions_of(object, where);
  record.image_id = optional_id(object, "image_id", "", where);
  record.question = optional_name(object, "question", "", where);
  return record;
}

}  // namespace

Record parse_json_record(std::string_view text, const std::string& where,
                         const std::filesystem::path& images) {
  return to_record(parse(text, where, "a JSON object"), where, images);
}

std::vector<std::string> parse_sidecar_captions(std::string_view text, const std::string& where) {
  const Json sidecar = parse(text, where, "a JSON object");
  const Json* value = sidecar.is_object() ? find_field(sidecar, "caption") : &sidecar;
  if (value == nullptr || value->is_null()) return {};
  std::vector<std::string> captions = captions_in(value, where);
  if (captions.size() > 2) captions.resize(2);
  return captions;
}

}  // namespace blip2
