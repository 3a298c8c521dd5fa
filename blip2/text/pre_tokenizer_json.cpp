// Reading the pre-tokenizers of tokenizer.json.
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "blip2/base/quote.h"
#include "blip2/base/utf8.h"
#include "blip2/text/json_components.h"

namespace blip2 {
namespace {

SplitBehavior read_behavior(const JsonFields& place, const std::string& fallback) {
  const std::string found =
      fallback.empty() ? place.text("behavior") : place.text("behavior", fallback);
  for (const auto& [behavior, name] : kSplitBehaviors) {
    if (found == name) return behavior;
  }
  unsupported(place, "behavior " + quote(found));
}

PatternSplit read_split(const JsonFields& place) {
  allow_only(place, {"pattern", "behavior", "invert"});
  return {read_pattern(place), read_behavior(place, ""), place.flag("invert", false)};
}

ByteLevelSplit read_byte_level(const JsonFields& place) {
  allow_only(place, {"add_prefix_space", "trim_offsets", "use_regex"});
  return {place.flag("add_prefix_space", true), place.flag("use_regex", true)};
}

CharacterSplit read_character_split(const JsonFields& place) {
  const std::string type = type_of(place);
  if (type == "Punctuation") {
    allow_only(place, {"behavior"});
    return {CharacterSplit::Kind::kPunctuation, read_behavior(place, "Isolated")};
  }
  if (type == "Digits") {
    allow_only(place, {"individual_digits"});
    return {CharacterSplit::Kind::kNumber, place.flag("individual_digits", false)
                                               ? SplitBehavior::kIsolated
                                               : SplitBehavior::kContiguous};
  }
  if (type == "CharDelimiterSplit") {
    allow_only(place, {"delimiter"});
    size_t start = 0;
    return {CharacterSplit::Kind::kDelimiter, SplitBehavior::kRemoved,
            next_code_point(character_of(place, "delimiter", ""), start)};
  }
  if (type != "WhitespaceSplit") refuse_type(place);
  allow_only(place, {});
  return {CharacterSplit::Kind::kWhiteSpace, SplitBehavior::kRemoved};
}

FixedLengthSplit read_fixed_length(const JsonFields& place) {
  allow_only(place, {"length"});
  return {place.integer("length", 5, at_least(1))};
}

void append_pre_tokenizer(const JsonFields& place, PreTokenizerSteps& steps) {
  const std::string type = type_of(place);
  if (type == "Split") {
    steps.push_back(read_split(place));
  } else if (type == "ByteLevel") {
    steps.push_back(read_byte_level(place));
  } else if (type == "Metaspace") {
    steps.push_back(read_metaspace(place));
  } else if (type == "FixedLength") {
    steps.push_back(read_fixed_length(place));
  } else if (type == "Whitespace") {
    allow_only(place, {});
    steps.push_back(WordRunSplit{});
  } else if (type == "UnicodeScripts") {
    allow_only(place, {});
    steps.push_back(ScriptSplit{});
  } else if (type == "BertPreTokenizer") {
    allow_only(place, {});
    steps.push_back(CharacterSplit{CharacterSplit::Kind::kWhiteSpace, SplitBehavior::kRemoved});
    steps.push_back(CharacterSplit{CharacterSplit::Kind::kPunctuation, SplitBehavior::kIsolated});
  } else {
    steps.push_back(read_character_split(place));
  }
}

}  // namespace

/// Older files have add_prefix_space instead of a scheme.
MetaspaceSplit read_metaspace(const JsonFields& place) {
  allow_only(place, {"replacement", "prepend_scheme", "split", "add_prefix_space", "str_rep"});
  MetaspaceSplit metaspace;
  metaspace.replacement = character_of(place, "replacement", "\xe2\x96\x81");
  metaspace.split = place.flag("split", true);
  const bool prepend = place.flag("add_prefix_space", true);
  const std::string scheme = place.text("prepend_scheme", prepend ? "always" : "never");
  if (scheme == "always") {
    metaspace.prepend = MetaspaceSplit::Prepend::kAlways;
  } else if (scheme == "first") {
    metaspace.prepend = MetaspaceSplit::Prepend::kFirst;
  } else if (scheme == "never") {
    metaspace.prepend = MetaspaceSplit::Prepend::kNever;
  } else {
    unsupported(place, "prepend_scheme " + quote(scheme));
  }
  return metaspace;
}

PreTokenizerSteps read_pre_tokenizer(const std::string& component, const std::string& source) {
  PreTokenizerSteps steps;
  if (component.empty()) return steps;
  const nlohmann::json document = nlohmann::json::parse(component);
  const JsonFields whole(document, source + ": pre_tokenizer");
  for (const JsonFields& place : component_list(whole, "pretokenizers")) {
    append_pre_tokenizer(place, steps);
  }
  return steps;
}

}  // namespace blip2
