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

/// The pre-tokenizer and the decoder Metaspace have the same fields. Older files have
/// add_prefix_space instead of a scheme.
Metaspace read_metaspace(const JsonFields& place) {
  if (place.text("replacement", std::string(kMetaspace)) != kMetaspace) {
    unsupported(place, "a replacement other than U+2581");
  }
  Metaspace metaspace;
  metaspace.split = place.flag("split", true);
  const bool prepend = place.flag("add_prefix_space", true);
  const std::string scheme = place.text("prepend_scheme", prepend ? "always" : "never");
  for (const auto& [value, name] : kPrependSchemes) {
    if (scheme != name) continue;
    metaspace.prepend = value;
    return metaspace;
  }
  unsupported(place, "prepend_scheme \"" + scheme + "\"");
}

void read_splitters(const JsonFields& file, SentencePieceParts& parts) {
  for (const JsonFields& place : component_list(file, "pre_tokenizer", "pretokenizers")) {
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

/// LLaMA's Sequence of Replace, ByteFallback, Fuse and, where the text was given a space, Strip.
PieceDecoder read_byte_decoder(const std::vector<JsonFields>& steps) {
  PieceDecoder decoder{.kind = PieceDecoder::Kind::kBytes, .strip_spaces = 0};
  const char* const order[] = {"Replace", "ByteFallback", "Fuse", "Strip"};
  for (size_t i = 0; i < steps.size(); ++i) {
    if (i >= std::size(order) || type_of(steps[i]) != order[i]) refuse_type(steps[i]);
  }
  if (steps.size() < 3) unsupported(steps.back(), "a decoder without ByteFallback and Fuse");
  const JsonFields pattern = steps[0].fields("pattern");
  if (pattern.text("String", "") != kMetaspace || steps[0].text("content", "") != " ") {
    unsupported(steps[0], "a Replace other than of U+2581 by a space");
  }
  if (steps.size() == 4) {
    if (steps[3].text("content", "") != " " || steps[3].integer("stop", 0) != 0) {
      unsupported(steps[3], "a Strip other than of spaces at the start");
    }
    decoder.strip_spaces = steps[3].integer("start", 0);
  }
  return decoder;
}

PieceDecoder read_piece_decoder(const JsonFields& file) {
  const auto steps = component_list(file, "decoder", "decoders");
  if (steps.empty()) unsupported(file, "a tokenizer of this kind without a decoder");
  if (steps.size() > 1 || type_of(steps[0]) != "Metaspace") return read_byte_decoder(steps);
  const bool drop_first = read_metaspace(steps[0]).prepend != PrependScheme::kNever;
  return {.kind = PieceDecoder::Kind::kSpaces, .drop_first = drop_first};
}

/// [["<unk>", 0.0], ["a", -3.5], ...]
UnigramParts read_unigram(const JsonFields& model, std::vector<std::string>& pieces) {
  UnigramParts parts;
  const std::string where = model.where() + ": vocab";
  for (const json& entry : model.array("vocab")) {
    if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string() || !entry[1].is_number()) {
      fail(ErrorCode::kCorruptData, "{}: entry {}: expected [piece, score], found {}", where,
           pieces.size(), entry.dump(-1, ' ', false, json::error_handler_t::replace).substr(0, 80));
    }
    pieces.push_back(entry[0].get<std::string>());
    parts.scores.push_back(entry[1].get<double>());
  }
  parts.unknown_id = model.integer("unk_id", -1);
  parts.byte_fallback = model.flag("byte_fallback", false);
  return parts;
}

PieceBpeParts read_piece_bpe(const JsonFields& model, std::vector<std::string>& pieces) {
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (!model.text(key, "").empty()) unsupported(model, key);
  }
  if (model.find("dropout")) unsupported(model, "dropout");
  pieces = read_vocabulary_object(model.need("vocab"), model.where() + ": vocab");
  PieceBpeParts parts;
  parts.merges = read_merges(model);
  parts.unknown = model.text("unk_token", "");
  parts.fuse_unknown = model.flag("fuse_unk", false);
  parts.byte_fallback = model.flag("byte_fallback", false);
  parts.ignore_merges = model.flag("ignore_merges", false);
  return parts;
}

}  // namespace

SentencePieceParts read_sentencepiece_json(const JsonFields& file, const JsonFields& model) {
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
