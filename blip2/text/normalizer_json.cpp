// Reading the normalizers of tokenizer.json.
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "blip2/base/base64.h"
#include "blip2/base/error.h"
#include "blip2/base/quote.h"
#include "blip2/text/json_components.h"

namespace blip2 {
namespace {

BertNormalization read_bert_normalizer(const JsonFields& place) {
  allow_only(place, {"clean_text", "handle_chinese_chars", "lowercase", "strip_accents"});
  BertNormalization options;
  options.clean_text = place.flag("clean_text", true);
  options.space_cjk = place.flag("handle_chinese_chars", true);
  options.lower_case = place.flag("lowercase", true);
  options.strip_accents = place.flag("strip_accents", options.lower_case);
  return options;
}

CharsmapStep read_charsmap(const JsonFields& place) {
  allow_only(place, {"precompiled_charsmap"});
  const std::string text = place.text("precompiled_charsmap");
  std::optional<std::string> bytes = decode_base64(text);
  if (!bytes) {
    fail(ErrorCode::kCorruptData, "{}: precompiled_charsmap: expected Base64, found {}",
         place.where(), quote(text));
  }
  return {std::make_shared<Charsmap>(std::move(*bytes), place.where())};
}

ReplaceStep read_replace_step(const JsonFields& place) {
  allow_only(place, {"pattern", "content"});
  return {read_pattern(place), place.text("content")};
}

/// A step that has no options.
std::optional<NormalizerStep> read_plain_step(const std::string& type) {
  if (type == "NFC") return FormStep{UnicodeForm::kNfc};
  if (type == "NFD") return FormStep{UnicodeForm::kNfd};
  if (type == "NFKC") return FormStep{UnicodeForm::kNfkc};
  if (type == "NFKD") return FormStep{UnicodeForm::kNfkd};
  if (type == "Lowercase") return LowerCaseStep{};
  if (type == "StripAccents") return DropMarksStep{};
  if (type == "Nmt") return NmtStep{};
  if (type == "ByteLevel") return ByteAlphabetStep{};
  return std::nullopt;
}

NormalizerStep read_normalizer_step(const JsonFields& place) {
  const std::string type = type_of(place);
  if (type == "BertNormalizer") return read_bert_normalizer(place);
  if (type == "Precompiled") return read_charsmap(place);
  if (type == "Replace") return read_replace_step(place);
  if (type == "Prepend") {
    allow_only(place, {"prepend"});
    return PrependStep{place.text("prepend")};
  }
  if (type == "Strip") {
    allow_only(place, {"strip_left", "strip_right"});
    return StripStep{place.flag("strip_left", true), place.flag("strip_right", true)};
  }
  const std::optional<NormalizerStep> step = read_plain_step(type);
  if (!step) refuse_type(place);
  allow_only(place, {});
  return *step;
}

}  // namespace

NormalizerSteps read_normalizer(const std::string& component, const std::string& source) {
  NormalizerSteps steps;
  if (component.empty()) return steps;
  const nlohmann::json document = nlohmann::json::parse(component);
  const JsonFields whole(document, source + ": normalizer");
  for (const JsonFields& place : component_list(whole, "normalizers")) {
    steps.push_back(read_normalizer_step(place));
  }
  return steps;
}

}  // namespace blip2
