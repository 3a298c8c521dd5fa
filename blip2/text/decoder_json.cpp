// Reading the decoders of tokenizer.json.
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "blip2/base/utf8.h"
#include "blip2/text/json_components.h"

namespace blip2 {
namespace {

char32_t code_point_of(const JsonFields& place, const char* key, const std::string& fallback) {
  size_t start = 0;
  return next_code_point(character_of(place, key, fallback), start);
}

StripDecode read_strip_decode(const JsonFields& place) {
  allow_only(place, {"content", "start", "stop"});
  return {code_point_of(place, "content", " "), place.integer("start", 0, at_least(0)),
          place.integer("stop", 0, at_least(0))};
}

MetaspaceDecode read_metaspace_decode(const JsonFields& place) {
  const MetaspaceSplit metaspace = read_metaspace(place);
  size_t start = 0;
  return {next_code_point(metaspace.replacement, start),
          metaspace.prepend != MetaspaceSplit::Prepend::kNever};
}

CtcDecode read_ctc_decode(const JsonFields& place) {
  allow_only(place, {"pad_token", "word_delimiter_token", "cleanup"});
  return {place.text("pad_token", "<pad>"), place.text("word_delimiter_token", "|"),
          place.flag("cleanup", true)};
}

DecoderStep read_decoder_step(const JsonFields& place) {
  const std::string type = type_of(place);
  if (type == "Metaspace") return read_metaspace_decode(place);
  if (type == "CTC") return read_ctc_decode(place);
  if (type == "Strip") return read_strip_decode(place);
  if (type == "WordPiece") {
    allow_only(place, {"prefix", "cleanup"});
    return WordPieceDecode{place.text("prefix", "##"), place.flag("cleanup", true)};
  }
  if (type == "BPEDecoder") {
    allow_only(place, {"suffix"});
    return SuffixDecode{place.text("suffix", "</w>")};
  }
  if (type == "Replace") {
    allow_only(place, {"pattern", "content"});
    return ReplaceDecode{read_pattern(place), place.text("content")};
  }
  if (type == "ByteLevel") {
    allow_only(place, {"add_prefix_space", "trim_offsets", "use_regex"});
    return ByteLevelDecode{};
  }
  if (type != "ByteFallback" && type != "Fuse") refuse_type(place);
  allow_only(place, {});
  if (type == "Fuse") return FuseDecode{};
  return ByteFallbackDecode{};
}

}  // namespace

DecoderSteps read_decoder(const std::string& component, const std::string& source) {
  DecoderSteps steps;
  if (component.empty()) return steps;
  const nlohmann::json document = nlohmann::json::parse(component);
  const JsonFields whole(document, source + ": decoder");
  for (const JsonFields& place : component_list(whole, "decoders")) {
    steps.push_back(read_decoder_step(place));
  }
  return steps;
}

}  // namespace blip2
