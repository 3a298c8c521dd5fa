// Reading tokenizer.json: each part that we do is recognised by its type and fields; whatever else
// is refused by name rather than guessed at.
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/text/json_components.h"
#include "blip2/text/json_fields.h"
#include "blip2/text/tokenizer_files.h"

namespace blip2 {
namespace {

using nlohmann::json;

std::vector<AddedToken> read_added_tokens(const JsonPlace& file) {
  std::vector<AddedToken> tokens;
  const json* list = member(file, "added_tokens");
  if (!list) return tokens;
  const std::string where = file.where + ": added_tokens";
  for (const json& value : as_array(*list, where)) {
    const JsonPlace place = object_at(value, where);
    AddedToken token;
    token.content = as_string(need(place, "content"), where + ": content");
    token.id = as_integer(need(place, "id"), where + ": id");
    if (token.id < 0)
      fail(ErrorCode::kCorruptData, "{}: expected an id, found {}", where, token.id);
    token.special = flag_or(place, "special", false);
    token.single_word = flag_or(place, "single_word", false);
    token.lstrip = flag_or(place, "lstrip", false);
    token.rstrip = flag_or(place, "rstrip", false);
    token.normalized = flag_or(place, "normalized", !token.special);
    tokens.push_back(std::move(token));
  }
  return tokens;
}

WordPieceParts read_wordpiece(const JsonPlace& file, const JsonPlace& model) {
  WordPieceParts parts;
  parts.pieces = read_vocabulary_object(need(model, "vocab"), model.where + ": vocab");
  parts.unknown = string_or(model, "unk_token", parts.unknown);
  parts.continuation = string_or(model, "continuing_subword_prefix", parts.continuation);
  parts.max_word_characters =
      integer_or(model, "max_input_chars_per_word", parts.max_word_characters);
  parts.normalization = {false, false, false, false};
  for (const JsonPlace& normalizer : component_list(file, "normalizer", "normalizers")) {
    if (type_of(normalizer) != "BertNormalizer") refuse_type(normalizer);
    parts.normalization.clean_text = flag_or(normalizer, "clean_text", true);
    parts.normalization.space_cjk = flag_or(normalizer, "handle_chinese_chars", true);
    parts.normalization.lower_case = flag_or(normalizer, "lowercase", true);
    parts.normalization.strip_accents =
        flag_or(normalizer, "strip_accents", parts.normalization.lower_case);
  }
  const auto splitters = component_list(file, "pre_tokenizer", "pretokenizers");
  if (splitters.size() != 1)
    unsupported(file, "WordPiece without the pre-tokenizer BertPreTokenizer");
  if (type_of(splitters[0]) != "BertPreTokenizer") refuse_type(splitters[0]);
  const auto decoders = component_list(file, "decoder", "decoders");
  if (decoders.size() != 1) unsupported(file, "WordPiece without the decoder WordPiece");
  if (type_of(decoders[0]) != "WordPiece") refuse_type(decoders[0]);
  parts.clean_up = flag_or(decoders[0], "cleanup", true);
  return parts;
}

// The last pre-tokenizer is ByteLevel; before it may stand SmolLM2's digits or LLaMA 3's split.
void read_byte_pre_tokenizer(const JsonPlace& file, ByteBpeParts& parts) {
  const auto steps = component_list(file, "pre_tokenizer", "pretokenizers");
  if (steps.empty()) unsupported(file, "BPE without a ByteLevel pre-tokenizer");
  const JsonPlace& last = steps.back();
  if (type_of(last) != "ByteLevel") refuse_type(last);
  parts.add_prefix_space = flag_or(last, "add_prefix_space", true);
  const bool own_pattern = flag_or(last, "use_regex", true);
  if (steps.size() == 1 && own_pattern) return;
  const JsonPlace& first = steps.front();
  const std::string type = type_of(first);
  if (steps.size() == 2 && type == "Digits" && own_pattern) {
    if (!flag_or(first, "individual_digits", false)) unsupported(first, "individual_digits: false");
    if (parts.add_prefix_space) unsupported(last, "add_prefix_space after Digits");
    parts.pre_tokenizer = BytePreTokenizer::kSmolLm;
    return;
  }
  if (steps.size() != 2 || type != "Split") unsupported(first, "this sequence");
  const JsonPlace pattern = object_at(need(first, "pattern"), first.where + ": pattern");
  const std::string regex = string_or(pattern, "Regex", "");
  const std::string behavior = string_or(first, "behavior", "");
  const bool invert = flag_or(first, "invert", false);
  if (regex == kLlama3Pattern && behavior == "Isolated" && !invert && !own_pattern) {
    parts.pre_tokenizer = BytePreTokenizer::kLlama3;
  } else if (regex == kClipPattern && behavior == "Removed" && invert) {
    parts.pre_tokenizer = BytePreTokenizer::kClip;  // GPT-2's pattern would cut no further
  } else {
    unsupported(first,
                "a Split other than LLaMA 3's and CLIP's, by the pattern \"" + regex + "\",");
  }
  if (parts.add_prefix_space) unsupported(last, "add_prefix_space after Split");
}

ByteBpeParts read_byte_bpe(const JsonPlace& file, const JsonPlace& model) {
  ByteBpeParts parts;
  read_byte_pre_tokenizer(file, parts);
  parts.normalizer = read_normalizer(file);
  for (const JsonPlace& decoder : component_list(file, "decoder", "decoders")) {
    if (type_of(decoder) != "ByteLevel") refuse_type(decoder);
  }
  if (!string_or(model, "continuing_subword_prefix", "").empty()) {
    unsupported(model, "continuing_subword_prefix");
  }
  parts.end_of_word = string_or(model, "end_of_word_suffix", "");
  if (parts.end_of_word.empty() != (parts.pre_tokenizer != BytePreTokenizer::kClip)) {
    unsupported(model, "end_of_word_suffix without CLIP's Split, or that without this,");
  }
  if (flag_or(model, "byte_fallback", false)) unsupported(model, "byte_fallback");
  if (member(model, "dropout")) unsupported(model, "dropout");
  parts.tokens = read_vocabulary_object(need(model, "vocab"), model.where + ": vocab");
  parts.merges = read_merges(model);
  parts.ignore_merges = flag_or(model, "ignore_merges", false);
  parts.unknown = string_or(model, "unk_token", "");
  parts.fuse_unknown = flag_or(model, "fuse_unk", false);
  return parts;
}

// Whether a BPE's symbols are bytes written in GPT-2's alphabet.
bool uses_byte_alphabet(const JsonPlace& file) {
  const auto is_byte_level = [](const JsonPlace& part) { return type_of(part) == "ByteLevel"; };
  const auto splitters = component_list(file, "pre_tokenizer", "pretokenizers");
  const auto decoders = component_list(file, "decoder", "decoders");
  return std::any_of(splitters.begin(), splitters.end(), is_byte_level) ||
         std::any_of(decoders.begin(), decoders.end(), is_byte_level);
}

}  // namespace

TokenizerParts read_tokenizer_json(const std::filesystem::path& path) {
  const json document = read_json_object(path);
  const JsonPlace file{document, path.string()};
  const JsonPlace model = object_at(need(file, "model"), file.where + ": model");
  const std::string type = type_of_model(model);
  TokenizerParts parts;
  if (type == "WordPiece") {
    parts = read_wordpiece(file, model);
  } else if (type == "BPE" && uses_byte_alphabet(file)) {
    parts = read_byte_bpe(file, model);
  } else if (type == "BPE" || type == "Unigram") {
    parts = read_sentencepiece_json(file, model);
  } else {
    refuse_type(model);
  }
  std::visit(
      [&](auto& kind) {
        kind.frame.source = file.where;
        kind.frame.added_tokens = read_added_tokens(file);
        read_post_processor(file, kind.frame);
      },
      parts);
  return parts;
}

}  // namespace blip2
