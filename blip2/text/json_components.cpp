#include "blip2/text/json_components.h"

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/text/base64.h"
#include "blip2/text/utf8.h"

namespace blip2 {

using nlohmann::json;

void unsupported(const JsonPlace& place, const std::string& what) {
  fail(ErrorCode::kUnsupported, "{}: {} is not supported", place.where, what);
}

std::string type_of(const JsonPlace& place) {
  return as_string(need(place, "type"), place.where + ": type");
}

std::string type_of_model(const JsonPlace& model) {
  if (member(model, "type")) return type_of(model);
  if (member(model, "merges")) return "BPE";
  if (member(model, "max_input_chars_per_word")) return "WordPiece";
  return type_of(model);
}

void refuse_type(const JsonPlace& place) { unsupported(place, "type \"" + type_of(place) + "\""); }

std::vector<JsonPlace> component_list(const JsonPlace& file, const char* key, const char* list) {
  const json* value = member(file, key);
  if (!value) return {};
  const JsonPlace component = object_at(*value, file.where + ": " + key);
  if (type_of(component) != "Sequence") return {component};
  std::vector<JsonPlace> parts;
  for (const json& part : as_array(need(component, list), component.where)) {
    parts.push_back(object_at(part, component.where));
  }
  return parts;
}

namespace {

// {"[CLS]": {"ids": [101]}} of a template, by name.
std::vector<int64_t> template_ids(const JsonPlace& processor, const std::string& name) {
  const JsonPlace table = object_at(need(processor, "special_tokens"), processor.where);
  const JsonPlace entry =
      object_at(need(table, name.c_str()), processor.where + ": special_tokens: " + name);
  std::vector<int64_t> ids;
  for (const json& id : as_array(need(entry, "ids"), entry.where)) {
    ids.push_back(as_integer(id, entry.where));
  }
  return ids;
}

void read_template(const JsonPlace& processor, TokenizerFrameParts& frame) {
  bool behind = false;
  for (const json& value : as_array(need(processor, "single"), processor.where + ": single")) {
    const JsonPlace piece = object_at(value, processor.where + ": single");
    if (member(piece, "Sequence")) {
      if (behind) unsupported(piece, "a template that holds the text twice");
      behind = true;
      continue;
    }
    const JsonPlace special = object_at(need(piece, "SpecialToken"), piece.where);
    const auto ids = template_ids(processor, as_string(need(special, "id"), special.where));
    std::vector<int64_t>& side = behind ? frame.suffix_ids : frame.prefix_ids;
    side.insert(side.end(), ids.begin(), ids.end());
  }
  if (!behind) unsupported(processor, "a template without the text");
}

// ["[SEP]", 102] of the older processors.
int64_t pair_id(const JsonPlace& processor, const char* key) {
  const json& pair = as_array(need(processor, key), processor.where + ": " + key);
  if (pair.size() != 2) {
    fail(ErrorCode::kCorruptData, "{}: {}: expected [token, id], found {} values", processor.where,
         key, pair.size());
  }
  return as_integer(pair[1], processor.where + ": " + key);
}

ReplaceStep read_replace(const JsonPlace& place) {
  ReplaceStep step;
  step.text = as_string(need(place, "content"), place.where + ": content");
  const JsonPlace pattern = object_at(need(place, "pattern"), place.where + ": pattern");
  if (member(pattern, "String")) {
    step.found = string_or(pattern, "String", "");
    if (step.found.empty()) unsupported(place, "an empty pattern");
    return step;
  }
  const std::string regex = as_string(need(pattern, "Regex"), pattern.where + ": Regex");
  if (regex == kWhiteSpacesPattern) {
    step.pattern = ReplaceStep::Pattern::kWhiteSpaces;
  } else if (regex == kSeveralSpacesPattern) {
    step.pattern = ReplaceStep::Pattern::kSeveralSpaces;
  } else {
    unsupported(place, "Replace by the pattern \"" + regex + "\"");
  }
  return step;
}

CharsmapStep read_charsmap(const JsonPlace& place) {
  const std::string text =
      as_string(need(place, "precompiled_charsmap"), place.where + ": precompiled_charsmap");
  std::optional<std::string> bytes = decode_base64(text);
  if (!bytes) {
    fail(ErrorCode::kCorruptData, "{}: precompiled_charsmap: expected Base64, found \"{}\"",
         place.where, printable(text));
  }
  return {std::make_shared<Charsmap>(std::move(*bytes), place.where)};
}

NormalizerStep read_normalizer_step(const JsonPlace& place) {
  const std::string type = type_of(place);
  if (type == "NFC") return ComposeStep{};
  if (type == "Lowercase") return LowerCaseStep{};
  if (type == "Prepend") {
    return PrependStep{as_string(need(place, "prepend"), place.where + ": prepend")};
  }
  if (type == "Replace") return read_replace(place);
  if (type == "Strip") {
    return StripStep{flag_or(place, "strip_left", true), flag_or(place, "strip_right", true)};
  }
  if (type == "Precompiled") return read_charsmap(place);
  refuse_type(place);
}

}  // namespace

NormalizerSteps read_normalizer(const JsonPlace& file) {
  NormalizerSteps steps;
  for (const JsonPlace& place : component_list(file, "normalizer", "normalizers")) {
    steps.push_back(read_normalizer_step(place));
  }
  return steps;
}

void read_post_processor(const JsonPlace& file, TokenizerFrameParts& frame) {
  for (const JsonPlace& processor : component_list(file, "post_processor", "processors")) {
    const std::string type = type_of(processor);
    if (type == "TemplateProcessing") {
      read_template(processor, frame);
    } else if (type == "BertProcessing" || type == "RobertaProcessing") {
      frame.prefix_ids.push_back(pair_id(processor, "cls"));
      frame.suffix_ids.push_back(pair_id(processor, "sep"));
    } else if (type != "ByteLevel") {  // ByteLevel moves offsets only
      refuse_type(processor);
    }
  }
}

std::vector<std::string> read_merges(const JsonPlace& model) {
  std::vector<std::string> merges;
  const std::string where = model.where + ": merges";
  const json& list = as_array(need(model, "merges"), where);
  merges.reserve(list.size());
  for (const json& value : list) {
    if (value.is_string()) {
      merges.push_back(value.get<std::string>());
      continue;
    }
    if (as_array(value, where).size() != 2) {
      fail(ErrorCode::kCorruptData, "{}: expected two tokens, found {}", where, value.size());
    }
    merges.push_back(as_string(value[0], where) + " " + as_string(value[1], where));
  }
  return merges;
}

}  // namespace blip2
