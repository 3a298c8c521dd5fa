// Names normalised and compared; values read as yes or no.
#include "blip2/data/shards/opt_out.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "blip2/base/python_json.h"

namespace blip2 {
namespace {

using Json = nlohmann::json;

/// Lower case, with "_" for "-".
std::string plain(std::string_view text) {
  std::string name(text);
  std::ranges::transform(name, name.begin(), [](char c) {
    if (c == '-') return '_';
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return name;
}

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::any_of(names, [&](const std::string& one) { return plain(one) == name; });
}

/// The parts of "otherbot: noai, noindex", without spaces: noai and noindex.
std::vector<std::string> parts_of(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon != std::string_view::npos) text.remove_prefix(colon + 1);
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find_first_of(",;", begin), text.size());
    std::string_view part = text.substr(begin, end - begin);
    part.remove_prefix(std::min(part.find_first_not_of(" \t\r\n"), part.size()));
    part = part.substr(0, part.find_last_not_of(" \t\r\n") + 1);
    if (!part.empty()) parts.push_back(plain(part));
    begin = end + 1;
  }
  return parts;
}

bool says_no(const Json& value, bool is_permission, const OptOutRule& rule) {
  if (value.is_boolean()) return value.get<bool>() != is_permission;
  if (value.is_number()) {  // NaN is a gap in a table, and says nothing
    const double number = value.get<double>();
    return !std::isnan(number) && (number != 0) != is_permission;
  }
  if (value.is_array()) {
    return std::ranges::any_of(value, [&](const Json& one) {
      return one.is_string() && says_no(one, is_permission, rule);
    });
  }
  if (!value.is_string()) return false;
  static const std::vector<std::string> refusals = {"no", "false", "disallow", "0"};
  static const std::vector<std::string> agreements = {"yes", "true", "1"};
  return std::ranges::any_of(parts_of(value.get_ref<const std::string&>()),
                             [&](const std::string& part) {
                               return contains(rule.directives, part) ||
                                      contains(is_permission ? refusals : agreements, part);
                             });
}

}  // namespace

std::string opted_out_by(std::string_view text, const OptOutRule& rule) {
  const std::optional<Json> object = try_parse_json<Json>(text);
  if (!object || !object->is_object()) return "";
  for (const auto& [name, value] : object->items()) {
    const std::string field = plain(name);
    if (!contains(rule.fields, field)) continue;
    const bool is_permission = field.find("robots") != std::string::npos;
    if (says_no(value, is_permission, rule)) return name;
  }
  return "";
}

}  // namespace blip2
