// Reading tokenizer.json for the tokenizers of SentencePiece models.
#include <cstddef>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/text/json_components.h"
#include "blip2/text/tokenizer_files.h"

namespace blip2 {
namespace {

using nlohmann::json;

// The pre-tokenizer and the decoder Metaspace have the same fields. Older files have
// add_prefix_space instead of a scheme.
Metaspace read_metaspace(const JsonPlace& place) {
  if (string_or(place, "replacement", std::string(kMetaspace)) != kMetaspace) {
    unsupported(place, "a replacement other than U+2581");
  }
  Metaspace metaspace;
  metaspace.split = flag_or(place, "split", true);
  const bool prepend = flag_or(place, "add_prefix_space", true);
  const std::string scheme = string_or(place, "prepend_scheme", prepend ? "always" : "never");
  for (const auto& [value, name] : kPrependSchemes) {
    if (scheme != name) continue;
    metaspace.prepend = value;
    return metaspace;
  }
  unsupported(place, "prepend_scheme \"" + scheme + "\"");
}

void read_splitters(const JsonPlace& file, SentencePieceParts& parts) {
  for (const JsonPlace& place : component_list(file, "pre_tokenizer", "pretokenizers")) {
    const std::string type = type_of(place);
    if (parts.metaspace) unsupported(place, type + " behind Metaspace");
    if (type == "WhitespaceSplit") {
      parts.split_white_space = true;
    } else if (type == "Metaspace") {
      parts.metaspace = read_metaspace(place);
    } else {
      refuse_type(place);
    }
  }
}

// LLaMA's Sequence of Replace, ByteFallback, Fuse and, where the text was given a space, Strip.
PieceDecoder read_byte_decoder(const std::vector<JsonPlace>& steps) {
  PieceDecoder decoder{.kind = PieceDecoder::Kind::kBytes, .strip_spaces = 0};
  const char* const order[] = {"Replace", "ByteFallback", "Fuse", "Strip"};
  for (size_t i = 0; i < steps.size(); ++i) {
    if (i >= std::size(order) || type_of(steps[i]) != order[i]) refuse_type(steps[i]);
  }
  if (steps.size() < 3) unsupported(steps.back(), "a decoder without ByteFallback and Fuse");
  const JsonPlace pattern = object_at(need(steps[0], "pattern"), steps[0].where + ": pattern");
  if (string_or(pattern, "String", "") != kMetaspace || string_or(steps[0], "content", "") != " ") {
    unsupported(steps[0], "a Replace other than of U+2581 by a space");
  }
  if (steps.size() == 4) {
    if (string_or(steps[3], "content", "") != " " || integer_or(steps[3], "stop", 0) != 0) {
      unsupported(steps[3], "a Strip other than of spaces at the start");
    }
    decoder.strip_spaces = integer_or(steps[3], "start", 0);
  }
  return decoder;
}

PieceDecoder read_piece_decoder(const JsonPlace& file) {
  const auto steps = component_list(file, "decoder", "decoders");
  if (steps.empty()) unsupported(file, "a tokenizer of this kind without a decoder");
  if (steps.size() > 1 || type_of(steps[0]) != "Metaspace") return read_byte_decoder(steps);
  const bool drop_first = read_metaspace(steps[0]).prepend != PrependScheme::kNever;
  return {.kind = PieceDecoder::Kind::kSpaces, .drop_first = drop_first};
}

// [["<unk>", 0.0], ["a", -3.5], ...]
UnigramParts read_unigram(const JsonPlace& model, std::vector<std::string>& pieces) {
  UnigramParts parts;
  const std::string where = model.where + ": vocab";
  for (const json& entry : as_array(need(model, "vocab"), where)) {
    if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string() || !entry[1].is_number()) {
      fail(ErrorCode::kCorruptData, "{}: entry {}: expected [piece, score], found {}", where,
           pieces.size(), entry.dump(-1, ' ', false, json::error_handler_t::replace).substr(0, 80));
    }
    pieces.push_back(entry[0].get<std::string>());
    parts.scores.push_back(entry[1].get<double>());
  }
  parts.unknown_id = integer_or(model, "unk_id", -1);
  parts.byte_fallback = flag_or(model, "byte_fallback", false);
  return parts;
}

PieceBpeParts read_piece_bpe(const JsonPlace& model, std::vector<std::string>& pieces) {
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (!string_or(model, key, "").empty()) unsupported(model, key);
  }
  if (member(model, "dropout")) unsupported(model, "dropout");
  pieces = read_vocabulary_object(need(model, "vocab"), model.where + ": vocab");
  PieceBpeParts parts;
  parts.merges = read_merges(model);
  parts.unknown = string_or(model, "unk_token", "");
  parts.fuse_unknown = flag_or(model, "fuse_unk", false);
  parts.byte_fallback = flag_or(model, "byte_fallback", false);
  parts.ignore_merges = flag_or(model, "ignore_merges", false);
  return parts;
}

}  // namespace

SentencePieceParts read_sentencepiece_json(const JsonPlace& file, const JsonPlace& model) {
  SentencePieceParts parts;
  parts.normalizer = read_normalizer(file);
  read_splitters(file, parts);
  parts.decoder = read_piece_decoder(file);
  if (type_of_model(model) == "Unigram") {
    parts.model = read_unigram(model, parts.pieces);
  } else {
    parts.model = read_piece_bpe(model, parts.pieces);
  }
  return parts;
}

}  // namespace blip2
