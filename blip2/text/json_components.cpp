// The components of tokenizer.json, recognised by type; others are refused by name.
#include "blip2/text/json_components.h"

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "blip2/base/base64.h"
#include "blip2/base/error.h"
#include "blip2/base/quote.h"

namespace blip2 {

using nlohmann::json;

void unsupported(const JsonFields& place, const std::string& what) {
  fail(ErrorCode::kUnsupported, "{}: {} is not supported", place.where(), what);
}

std::string type_of(const JsonFields& place) { return place.text("type"); }

std::string type_of_model(const JsonFields& model) {
  if (model.find("type")) return type_of(model);
  if (model.find("merges")) return "BPE";
  if (model.find("max_input_chars_per_word")) return "WordPiece";
  return type_of(model);
}

void refuse_type(const JsonFields& place) { unsupported(place, "type \"" + type_of(place) + "\""); }

std::vector<JsonFields> component_list(const JsonFields& file, const char* key, const char* list) {
  const json* value = file.find(key);
  if (!value) return {};
  const JsonFields component(*value, file.where() + ": " + key);
  if (type_of(component) != "Sequence") return {component};
  std::vector<JsonFields> parts;
  for (const json& part : component.array(list)) {
    parts.emplace_back(part, component.where());
  }
  return parts;
}

namespace {

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

void read_template(const JsonFields& processor, TokenizerFrameParts& frame) {
  bool behind = false;
  for (const json& value : processor.array("single")) {
    const JsonFields piece(value, processor.where() + ": single");
    if (piece.find("Sequence")) {
      if (behind) unsupported(piece, "a template that holds the text twice");
      behind = true;
      continue;
    }
    const JsonFields special = piece.fields("SpecialToken");
    const auto ids = template_ids(processor, special.text("id"));
    std::vector<int64_t>& side = behind ? frame.suffix_ids : frame.prefix_ids;
    side.insert(side.end(), ids.begin(), ids.end());
  }
  if (!behind) unsupported(processor, "a template without the text");
}

/// ["[SEP]", 102] of the older processors.
int64_t pair_id(const JsonFields& processor, const char* key) {
  const json& pair = as_array(processor.need(key), processor.where() + ": " + key);
  if (pair.size() != 2) {
    fail(ErrorCode::kCorruptData, "{}: {}: expected [token, id], found {} values",
         processor.where(), key, pair.size());
  }
  return as_integer(pair[1], processor.where() + ": " + key);
}

ReplaceStep read_replace(const JsonFields& place) {
  ReplaceStep step;
  step.text = place.text("content");
  const JsonFields pattern = place.fields("pattern");
  if (pattern.find("String")) {
    step.found = pattern.text("String", "");
    if (step.found.empty()) unsupported(place, "an empty pattern");
    return step;
  }
  const std::string regex = pattern.text("Regex");
  if (regex == kWhiteSpacesPattern) {
    step.pattern = ReplaceStep::Pattern::kWhiteSpaces;
  } else if (regex == kSeveralSpacesPattern) {
    step.pattern = ReplaceStep::Pattern::kSeveralSpaces;
  } else {
    unsupported(place, "Replace by the pattern \"" + regex + "\"");
  }
  return step;
}

CharsmapStep read_charsmap(const JsonFields& place) {
  const std::string text = place.text("precompiled_charsmap");
  std::optional<std::string> bytes = decode_base64(text);
  if (!bytes) {
    fail(ErrorCode::kCorruptData, "{}: precompiled_charsmap: expected Base64, found {}",
         place.where(), quote(text));
  }
  return {std::make_shared<Charsmap>(std::move(*bytes), place.where())};
}

NormalizerStep read_normalizer_step(const JsonFields& place) {
  const std::string type = type_of(place);
  if (type == "NFC") return ComposeStep{};
  if (type == "Lowercase") return LowerCaseStep{};
  if (type == "Prepend") {
    return PrependStep{place.text("prepend")};
  }
  if (type == "Replace") return read_replace(place);
  if (type == "Strip") {
    return StripStep{place.flag("strip_left", true), place.flag("strip_right", true)};
  }
  if (type == "Precompiled") return read_charsmap(place);
  refuse_type(place);
}

}  // namespace

NormalizerSteps read_normalizer(const JsonFields& file) {
  NormalizerSteps steps;
  for (const JsonFields& place : component_list(file, "normalizer", "normalizers")) {
    steps.push_back(read_normalizer_step(place));
  }
  return steps;
}

void read_post_processor(const JsonFields& file, TokenizerFrameParts& frame) {
  for (const JsonFields& processor : component_list(file, "post_processor", "processors")) {
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

std::vector<std::string> read_merges(const JsonFields& model) {
  std::vector<std::string> merges;
  const std::string where = model.where() + ": merges";
  const json& list = model.array("merges");
  merges.reserve(list.size());
  for (const json& value : list) {
    if (value.is_string()) {
      merges.push_back(value.get<std::string>());
      continue;
    }
    if (as_array(value, where).size() != 2) {
      fail(ErrorCode::kCorruptData, "{}: expected two tokens, found {}", where, value.size());
    }
    merges.push_back(as_text(value[0], where) + " " + as_text(value[1], where));
  }
  return merges;
}

}  // namespace blip2
