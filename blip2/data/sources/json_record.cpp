// One JSON object -> Record, with an error that names the field.
#include "blip2/data/sources/json_record.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "blip2/base/error.h"
#include "blip2/base/json_fields.h"
#include "blip2/base/python_json.h"
#include "blip2/base/text_file.h"
#include "blip2/data/sources/json_scan.h"

namespace blip2 {

namespace {

using Json = nlohmann::json;

bool is_nan(const Json& value) {
  return value.is_number_float() && std::isnan(value.get<double>());
}

[[noreturn]] void wrong_field(const std::string& where, const char* expected, const Json* found) {
  fail(ErrorCode::kCorruptData, "{}: expected {}, found {}", where, expected,
       found == nullptr ? "none"
       : is_nan(*found) ? "NaN"
                        : found->type_name());
}

const Json* find_field(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

std::string optional_text(const Json& object, const char* name, const std::string& where) {
  const Json* value = find_field(object, name);
  if (value == nullptr || value->is_null()) return "";
  if (!value->is_string() && !value->is_number_integer()) {
    wrong_field(where, fmt::format("\"{}\" as a string", name).c_str(), value);
  }
  const std::string text = value->is_string() ? value->get<std::string>() : value->dump();
  require_utf8(text, fmt::format("{}: {}", where, name));
  return text;
}

/// An integer beyond 64 bits loses digits as a number, and is an id as it is written.
std::string long_integer(std::string_view text, const char* name, const std::string& where) {
  const auto members = json_members(text, where);
  const auto member = members.find(name);
  if (member == members.end()) return "";
  const size_t end = skip_json_value(text, member->second, where);
  const std::string_view digits = text.substr(member->second, end - member->second);
  return digits.find_first_not_of("-0123456789") == std::string_view::npos ? std::string(digits)
                                                                           : "";
}

/// A record's object with the text that it was parsed from.
struct ParsedObject {
  const Json& object;
  std::string_view text;
  const std::string& where;
};

/// The id of this name: 5, 5.0, "5" and "5.0" are one; `otherwise` where it is missing, null or
/// NaN, a gap in a table.
std::string optional_id(const ParsedObject& parsed, const char* name,
                        const std::string& otherwise) {
  constexpr double kExactIntegers = 9007199254740992;  // 2^53
  const Json* value = find_field(parsed.object, name);
  if (value == nullptr || value->is_null() || is_nan(*value)) return otherwise;
  if (value->is_number_float() && std::abs(value->get<double>()) >= kExactIntegers) {
    const std::string digits = long_integer(parsed.text, name, parsed.where);
    if (!digits.empty()) return digits;
  }
  return id_in_text(as_id(*value, fmt::format("{}: {}", parsed.where, name)));
}

/// The first of some members that is there, and its name.
std::pair<const Json*, std::string> first_field(const Json& object,
                                                const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (const Json* value = find_field(object, name.c_str())) return {value, name};
  }
  return {nullptr, names.front()};
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

Record to_record(const ParsedObject& parsed, const RecordRules& rules) {
  const auto& [object, text, where] = parsed;
  if (!object.is_object()) wrong_field(where, "a JSON object", &object);
  const auto [image, image_name] = first_field(object, rules.names.image);
  if (image == nullptr || !image->is_string() || image->get_ref<const std::string&>().empty()) {
    wrong_field(where, fmt::format("\"{}\" as a path", image_name).c_str(), image);
  }
  const std::string path = path_in_json(image->get_ref<const std::string&>());
  Record record;
  record.key = optional_id(parsed, "key", path);
  record.image = rules.images / path;
  record.stored = stored_in(object, record.image, where);
  const auto [caption, caption_name] = first_field(object, rules.names.caption);
  record.captions = captions_in_json(caption, where, rules.missing_caption, caption_name);
  record.image_id = optional_id(parsed, "image_id", "");
  record.question = optional_text(object, "question", where);
  return record;
}

}  // namespace

Record parse_json_record(std::string_view text, const std::string& where,
                         const RecordRules& rules) {
  const Json object = parse_json<Json>(text, where, "a JSON object");
  return to_record({object, text, where}, rules);
}

std::vector<std::string> captions_in_json(const Json* value, const std::string& where,
                                          MissingCaption missing, const std::string& name) {
  const std::string expected = fmt::format("\"{}\" as a string or a list of strings", name);
  const bool may_be_missing = missing == MissingCaption::kAllowed;
  if (may_be_missing && (value == nullptr || value->is_null() || is_nan(*value))) return {};
  if (value == nullptr || (!value->is_string() && !value->is_array())) {
    wrong_field(where, expected.c_str(), value);
  }
  std::vector<std::string> captions;
  const auto add = [&](const Json& caption) {
    if (!caption.is_string()) wrong_field(where, expected.c_str(), &caption);
    captions.push_back(caption.get<std::string>());
    require_utf8(captions.back(), where + ": " + name);
  };
  if (value->is_string()) {
    add(*value);
  } else {
    for (const Json& caption : *value) add(caption);
  }
  if (captions.empty() && !may_be_missing) {
    fail(ErrorCode::kCorruptData, "{}: \"{}\" is an empty list", where, name);
  }
  return captions;
}

std::vector<std::string> parse_sidecar_captions(std::string_view text, const std::string& where,
                                                MissingCaption missing) {
  const Json sidecar = parse_json<Json>(text, where, "a JSON object");
  const Json* value = sidecar.is_object() ? find_field(sidecar, "caption") : &sidecar;
  if (value == nullptr || value->is_null()) return {};
  if (is_nan(*value) && missing == MissingCaption::kAllowed) return {};
  if (value->is_array() && value->empty()) return {};
  std::vector<std::string> captions = captions_in_json(value, where, missing);
  if (captions.size() > 2) captions.resize(2);
  return captions;
}

std::string id_in_text(const std::string& text) {
  const size_t dot = text.find('.');
  if (dot == std::string::npos || dot + 1 == text.size()) return text;
  const size_t sign = text[0] == '-' ? 1 : 0;
  const bool is_whole = dot > sign && text.find_first_not_of("0123456789", sign) == dot &&
                        text.find_first_not_of('0', dot + 1) == std::string::npos;
  return is_whole ? text.substr(0, dot) : text;
}

std::string path_in_json(const std::string& text) {
  std::string path;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = [&](size_t at) { return static_cast<uint8_t>(text[i + at]); };
    // U+DC80 to U+DCFF, in the three bytes that parse_json() makes of a lone surrogate.
    const bool is_byte =
        i + 2 < text.size() && byte(0) == 0xed && (byte(1) == 0xb2 || byte(1) == 0xb3);
    if (is_byte) {
      path += static_cast<char>((byte(1) & 1) << 6 | (byte(2) & 0x3f) | 0x80);
      i += 2;
    } else {
      path += text[i];
    }
  }
  return path;
}

}  // namespace blip2
