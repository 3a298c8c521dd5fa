// Reading tokenizer.json: the model, the added tokens and the template; the other components are
// read where they are used (json_components.h).
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/text/json_components.h"
#include "blip2/text/tokenizer_files.h"

namespace blip2 {
namespace {

using nlohmann::json;

std::vector<AddedToken> read_added_tokens(const JsonFields& file) {
  std::vector<AddedToken> tokens;
  const json* list = file.find("added_tokens");
  if (!list) return tokens;
  const std::string where = file.where() + ": added_tokens";
  for (const json& value : as_array(*list, where)) {
    const JsonFields place(value, where);
    allow_only(place,
               {"id", "content", "special", "single_word", "lstrip", "rstrip", "normalized"});
    AddedToken token;
    token.content = place.text("content");
    token.id = place.integer("id");
    if (token.id < 0)
      fail(ErrorCode::kCorruptData, "{}: expected an id, found {}", where, token.id);
    token.special = place.flag("special", false);
    token.single_word = place.flag("single_word", false);
    token.lstrip = place.flag("lstrip", false);
    token.rstrip = place.flag("rstrip", false);
    token.normalized = place.flag("normalized", !token.special);
    tokens.push_back(std::move(token));
  }
  return tokens;
}

/// The oldest files name no type: what a model holds tells them apart.
std::string type_of_model(const JsonFields& model) {
  if (model.has("type")) return type_of(model);
  if (model.has("merges")) return "BPE";
  if (model.has("max_input_chars_per_word")) return "WordPiece";
  if (model.has("vocab") && model.need("vocab").is_array()) return "Unigram";
  return type_of(model);
}

void read_vocabulary(const JsonFields& model, TokenizerParts& parts) {
  parts.pieces = read_vocabulary_object(model.need("vocab"), model.where("vocab"));
}

WordPieceParts read_wordpiece(const JsonFields& model) {
  allow_only(model,
             {"vocab", "unk_token", "continuing_subword_prefix", "max_input_chars_per_word"});
  WordPieceParts parts;
  parts.unknown = model.text("unk_token", parts.unknown);
  parts.continuation = model.text("continuing_subword_prefix", parts.continuation);
  parts.max_word_characters =
      model.integer("max_input_chars_per_word", parts.max_word_characters, at_least(0));
  return parts;
}

/// Pairs, or texts with a space between.
std::vector<MergePair> read_merges(const JsonFields& model) {
  const std::string where = model.where("merges");
  const json& list = model.array("merges");
  std::vector<MergePair> merges;
  merges.reserve(list.size());
  for (const json& value : list) {
    if (value.is_string()) {
      merges.push_back(parse_merge(value.get<std::string>(), merges.size(), model.where()));
      continue;
    }
    if (as_array(value, where).size() != 2) {
      fail(ErrorCode::kCorruptData, "{}: expected two tokens, found {}", where, value.size());
    }
    merges.push_back({as_text(value[0], where), as_text(value[1], where)});
  }
  return merges;
}

BpeParts read_bpe(const JsonFields& model) {
  allow_only(model, {"vocab", "merges", "dropout", "unk_token", "continuing_subword_prefix",
                     "end_of_word_suffix", "fuse_unk", "byte_fallback", "ignore_merges"});
  if (model.number("dropout", 0.0) != 0) {
    unsupported(model, "dropout, which would cut every text at random,");
  }
  BpeParts parts;
  parts.merges = read_merges(model);
  parts.unknown = model.text("unk_token", "");
  parts.fuse_unknown = model.flag("fuse_unk", false);
  parts.byte_fallback = model.flag("byte_fallback", false);
  parts.ignore_merges = model.flag("ignore_merges", false);
  parts.continuation = model.text("continuing_subword_prefix", "");
  parts.end_of_word = model.text("end_of_word_suffix", "");
  return parts;
}

/// [["<unk>", 0.0], ["a", -3.5], ...]
UnigramParts read_unigram(const JsonFields& model, std::vector<std::string>& pieces) {
  allow_only(model, {"vocab", "unk_id", "byte_fallback"});
  UnigramParts parts;
  const std::string where = model.where("vocab");
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

void read_model(const JsonFields& model, TokenizerParts& parts) {
  const std::string type = type_of_model(model);
  if (type == "Unigram") {
    parts.model = read_unigram(model, parts.pieces);
    return;
  }
  if (type == "WordPiece") {
    parts.model = read_wordpiece(model);
  } else if (type == "BPE") {
    parts.model = read_bpe(model);
  } else if (type == "WordLevel") {
    allow_only(model, {"vocab", "unk_token"});
    parts.model = WordLevelParts{model.text("unk_token", "<unk>")};
  } else {
    refuse_type(model);
  }
  read_vocabulary(model, parts);
}

std::string component_text(const JsonFields& file, const char* key) {
  return file.has(key) ? file.fields(key).json().dump() : std::string();
}

}  // namespace

TokenizerParts read_tokenizer_json(const std::filesystem::path& path) {
  const json document = read_json_object<json>(path);
  const JsonFields file{document, path.string()};
  TokenizerParts parts;
  parts.frame.source = file.where();
  read_model(file.fields("model"), parts);
  parts.components = {.normalizer = component_text(file, "normalizer"),
                      .pre_tokenizer = component_text(file, "pre_tokenizer"),
                      .decoder = component_text(file, "decoder")};
  parts.frame.added_tokens = read_added_tokens(file);
  read_post_processor(file, parts.frame);
  // Texts are neither truncated nor padded by what these sections say, as in transformers, which
  // takes the padding token from them.
  if (file.has("padding")) parts.padding_token = file.fields("padding").text("pad_token", "");
  return parts;
}

}  // namespace blip2
