// Reading tokenizer.json: each supported part is recognised by its type and fields; everything else
// is refused by name.
#include <algorithm>
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

WordPieceParts read_wordpiece(const JsonFields& file, const JsonFields& model) {
  WordPieceParts parts;
  parts.pieces = read_vocabulary_object(model.need("vocab"), model.where() + ": vocab");
  parts.unknown = model.text("unk_token", parts.unknown);
  parts.continuation = model.text("continuing_subword_prefix", parts.continuation);
  parts.max_word_characters = model.integer("max_input_chars_per_word", parts.max_word_characters);
  parts.normalization = {false, false, false, false};
  for (const JsonFields& normalizer : component_list(file, "normalizer", "normalizers")) {
    if (type_of(normalizer) != "BertNormalizer") refuse_type(normalizer);
    parts.normalization.clean_text = normalizer.flag("clean_text", true);
    parts.normalization.space_cjk = normalizer.flag("handle_chinese_chars", true);
    parts.normalization.lower_case = normalizer.flag("lowercase", true);
    parts.normalization.strip_accents =
        normalizer.flag("strip_accents", parts.normalization.lower_case);
  }
  const auto splitters = component_list(file, "pre_tokenizer", "pretokenizers");
  if (splitters.size() != 1)
    unsupported(file, "WordPiece without the pre-tokenizer BertPreTokenizer");
  if (type_of(splitters[0]) != "BertPreTokenizer") refuse_type(splitters[0]);
  const auto decoders = component_list(file, "decoder", "decoders");
  if (decoders.size() != 1) unsupported(file, "WordPiece without the decoder WordPiece");
  if (type_of(decoders[0]) != "WordPiece") refuse_type(decoders[0]);
  parts.clean_up = decoders[0].flag("cleanup", true);
  return parts;
}

/// The last pre-tokenizer is ByteLevel; before it may come SmolLM2's digits, or the Split of
/// LLaMA 3, Qwen2 or CLIP.
void read_byte_pre_tokenizer(const JsonFields& file, ByteBpeParts& parts) {
  const auto steps = component_list(file, "pre_tokenizer", "pretokenizers");
  if (steps.empty()) unsupported(file, "BPE without a ByteLevel pre-tokenizer");
  const JsonFields& last = steps.back();
  if (type_of(last) != "ByteLevel") refuse_type(last);
  parts.add_prefix_space = last.flag("add_prefix_space", true);
  const bool own_pattern = last.flag("use_regex", true);
  if (steps.size() == 1 && own_pattern) return;
  const JsonFields& first = steps.front();
  const std::string type = type_of(first);
  if (steps.size() == 2 && type == "Digits" && own_pattern) {
    if (!first.flag("individual_digits", false)) unsupported(first, "individual_digits: false");
    if (parts.add_prefix_space) unsupported(last, "add_prefix_space after Digits");
    parts.pre_tokenizer = BytePreTokenizer::kSmolLm;
    return;
  }
  if (steps.size() != 2 || type != "Split") unsupported(first, "this sequence");
  const JsonFields pattern = first.fields("pattern");
  const std::string regex = pattern.text("Regex", "");
  const std::string behavior = first.text("behavior", "");
  const bool invert = first.flag("invert", false);
  const bool is_isolated = behavior == "Isolated" && !invert && !own_pattern;
  if (regex == kLlama3Pattern && is_isolated) {
    parts.pre_tokenizer = BytePreTokenizer::kLlama3;
  } else if (regex == kQwen2Pattern && is_isolated) {
    parts.pre_tokenizer = BytePreTokenizer::kQwen2;
  } else if (regex == kClipPattern && behavior == "Removed" && invert) {
    parts.pre_tokenizer = BytePreTokenizer::kClip;  // GPT-2's pattern would cut no further
  } else {
    unsupported(first, "a Split other than LLaMA 3's, Qwen2's and CLIP's, by the pattern \"" +
                           regex + "\",");
  }
  if (parts.add_prefix_space) unsupported(last, "add_prefix_space after Split");
}

ByteBpeParts read_byte_bpe(const JsonFields& file, const JsonFields& model) {
  ByteBpeParts parts;
  read_byte_pre_tokenizer(file, parts);
  parts.normalizer = read_normalizer(file);
  for (const JsonFields& decoder : component_list(file, "decoder", "decoders")) {
    if (type_of(decoder) != "ByteLevel") refuse_type(decoder);
  }
  if (!model.text("continuing_subword_prefix", "").empty()) {
    unsupported(model, "continuing_subword_prefix");
  }
  parts.end_of_word = model.text("end_of_word_suffix", "");
  if (parts.end_of_word.empty() != (parts.pre_tokenizer != BytePreTokenizer::kClip)) {
    unsupported(model, "end_of_word_suffix without CLIP's Split, or that without this,");
  }
  if (model.flag("byte_fallback", false)) unsupported(model, "byte_fallback");
  if (model.find("dropout")) unsupported(model, "dropout");
  parts.tokens = read_vocabulary_object(model.need("vocab"), model.where() + ": vocab");
  parts.merges = read_merges(model);
  parts.ignore_merges = model.flag("ignore_merges", false);
  parts.unknown = model.text("unk_token", "");
  parts.fuse_unknown = model.flag("fuse_unk", false);
  return parts;
}

/// Whether a BPE's symbols are bytes written in GPT-2's alphabet.
bool uses_byte_alphabet(const JsonFields& file) {
  const auto is_byte_level = [](const JsonFields& part) { return type_of(part) == "ByteLevel"; };
  const auto splitters = component_list(file, "pre_tokenizer", "pretokenizers");
  const auto decoders = component_list(file, "decoder", "decoders");
  return std::any_of(splitters.begin(), splitters.end(), is_byte_level) ||
         std::any_of(decoders.begin(), decoders.end(), is_byte_level);
}

}  // namespace

TokenizerParts read_tokenizer_json(const std::filesystem::path& path) {
  const json document = read_json_object<json>(path);
  const JsonFields file{document, path.string()};
  const JsonFields model = file.fields("model");
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
        kind.frame.source = file.where();
        kind.frame.added_tokens = read_added_tokens(file);
        read_post_processor(file, kind.frame);
      },
      parts);
  return parts;
}

}  // namespace blip2
