// What the readers of components share, and the post-processors.
#include "blip2/text/json_components.h"

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"
#include "blip2/base/utf8.h"

namespace blip2 {

using nlohmann::json;

void unsupported(const JsonFields& place, const std::string& what) {
  fail(ErrorCode::kUnsupported, "{}: {} is not supported", place.where(), what);
}

std::string type_of(const JsonFields& place) { return place.text("type"); }

void refuse_type(const JsonFields& place) { unsupported(place, "type " + quote(type_of(place))); }

void allow_only(const JsonFields& place, std::initializer_list<std::string_view> keys) {
  for (const auto& [key, value] : place.json().items()) {
    if (value.is_null() || key == "type" ||
        std::find(keys.begin(), keys.end(), key) != keys.end()) {
      continue;
    }
    unsupported(place, "the key " + quote(key));
  }
}

bool is_component(const json& value, const char* type) {
  return value.is_object() && value.contains("type") && value["type"] == type;
}

std::string character_of(const JsonFields& place, const char* key, const std::string& fallback) {
  const std::string text = place.text(key, fallback);
  if (num_code_points(text) != 1) place.fail_at(key, "one character");
  return text;
}

std::shared_ptr<const TextPattern> read_pattern(const JsonFields& component) {
  const JsonFields place = component.fields("pattern");
  allow_only(place, {"String", "Regex"});
  if (place.has("String")) {
    return std::make_shared<TextPattern>(TextPattern::Literal{place.text("String")}, place.where());
  }
  return std::make_shared<TextPattern>(TextPattern::Expression{place.text("Regex")}, place.where());
}

namespace {

void append_components(const JsonFields& component, const char* list, int depth,
                       std::vector<JsonFields>& parts) {
  constexpr int kMostDepth = 32;
  if (type_of(component) != "Sequence") {
    parts.push_back(component);
    return;
  }
  if (depth >= kMostDepth) unsupported(component, "a Sequence in more than 32 others");
  allow_only(component, {list});
  for (const json& part : component.array(list)) {
    append_components(JsonFields(part, component.where()), list, depth + 1, parts);
  }
}

/// {"[CLS]": {"ids": [101]}} of a template, by name.
std::vector<int64_t> template_ids(const JsonFields& processor, const std::string& name) {
  const JsonFields table = processor.fields("special_tokens");
  const JsonFields entry(table.need(name.c_str()), processor.where() + ": special_tokens: " + name);
  std::vector<int64_t> ids;
  for (const json& id : entry.array("ids")) {
    ids.push_back(as_integer(id, entry.where()));
  }
  return ids;
}

/// What a processor puts around the text.
struct Surroundings {
  std::vector<int64_t> prefix, suffix;
};

Surroundings read_template(const JsonFields& processor) {
  allow_only(processor, {"single", "pair", "special_tokens"});
  Surroundings around;
  bool behind = false;
  for (const json& value : processor.array("single")) {
    const JsonFields piece(value, processor.where() + ": single");
    if (piece.has("Sequence")) {
      if (behind) unsupported(piece, "a template that holds the text twice");
      behind = true;
      continue;
    }
    const JsonFields special = piece.fields("SpecialToken");
    const auto ids = template_ids(processor, special.text("id"));
    std::vector<int64_t>& side = behind ? around.suffix : around.prefix;
    side.insert(side.end(), ids.begin(), ids.end());
  }
  if (!behind) unsupported(processor, "a template without the text");
  return around;
}

/// ["[SEP]", 102] of the older processors.
int64_t pair_id(const JsonFields& processor, const char* key) {
  const json& pair = as_array(processor.need(key), processor.where(key));
  if (pair.size() != 2) {
    fail(ErrorCode::kCorruptData, "{}: {}: expected [token, id], found {} values",
         processor.where(), key, pair.size());
  }
  return as_integer(pair[1], processor.where(key));
}

Surroundings read_processor(const JsonFields& processor) {
  const std::string type = type_of(processor);
  if (type == "TemplateProcessing") return read_template(processor);
  if (type == "BertProcessing" || type == "RobertaProcessing") {
    allow_only(processor, {"sep", "cls", "trim_offsets", "add_prefix_space"});
    return {{pair_id(processor, "cls")}, {pair_id(processor, "sep")}};
  }
  if (type != "ByteLevel") refuse_type(processor);
  return {};  // ByteLevel moves offsets only
}

}  // namespace

std::vector<JsonFields> component_list(const JsonFields& component, const char* list) {
  std::vector<JsonFields> parts;
  append_components(component, list, 0, parts);
  return parts;
}

void read_post_processor(const JsonFields& file, TokenizerFrameParts& frame) {
  if (!file.has("post_processor")) return;
  for (const JsonFields& processor : component_list(file.fields("post_processor"), "processors")) {
    const Surroundings around = read_processor(processor);  // around what the ones before have made
    frame.prefix_ids.insert(frame.prefix_ids.begin(), around.prefix.begin(), around.prefix.end());
    frame.suffix_ids.insert(frame.suffix_ids.end(), around.suffix.begin(), around.suffix.end());
  }
}

}  // namespace blip2
