// Writing a tokenizer's directory, so that load_tokenizer and Hugging Face's AutoTokenizer read it
// back with the same ids.
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/base/json_text.h"
#include "blip2/base/quote.h"
#include "blip2/text/save_parts.h"
#include "blip2/text/tokenizer_files.h"

namespace blip2 {
namespace {

using nlohmann::json;

json token_fields(const AddedToken& token) {
  return {{"content", token.content},         {"special", token.special},
          {"single_word", token.single_word}, {"lstrip", token.lstrip},
          {"rstrip", token.rstrip},           {"normalized", token.normalized}};
}

/// [CLS] $A [SEP], and for pairs [CLS] $A [SEP] $B:1 [SEP]:1, in the form of TemplateProcessing.
json post_processor(const TokenizerFrame& frame) {
  const TokenizerFrameParts& parts = frame.parts();
  if (parts.prefix_ids.empty() && parts.suffix_ids.empty()) return nullptr;
  json single = json::array(), pair = json::array(), tokens = json::object();
  const auto put_special = [&](json& list, int64_t id, int type) {
    const std::string& piece = frame.vocabulary().piece(id);
    list.push_back({{"SpecialToken", {{"id", piece}, {"type_id", type}}}});
    tokens[piece] = {{"id", piece}, {"ids", {id}}, {"tokens", {piece}}};
  };
  const auto put_text = [](json& list, const char* name, int type) {
    list.push_back({{"Sequence", {{"id", name}, {"type_id", type}}}});
  };
  for (json* list : {&single, &pair}) {
    for (const int64_t id : parts.prefix_ids) put_special(*list, id, 0);
    put_text(*list, "A", 0);
    for (const int64_t id : parts.suffix_ids) put_special(*list, id, 0);
  }
  put_text(pair, "B", 1);
  for (const int64_t id : parts.suffix_ids) put_special(pair, id, 1);
  return {{"type", "TemplateProcessing"},
          {"single", single},
          {"pair", pair},
          {"special_tokens", tokens}};
}

/// One piece a line; only where lines can say it: no holes, no line ends in pieces.
void write_vocab_txt(const std::filesystem::path& path, const TokenizerFrame& frame) {
  std::string lines;
  for (int64_t id = 0; id < frame.num_model_pieces(); ++id) {
    const std::string& piece = frame.vocabulary().piece(id);
    if (piece.empty() || piece.find_first_of("\r\n") != std::string::npos) return;
    lines.append(piece).push_back('\n');
  }
  write_file_atomic(path, lines);
}

json byte_pre_tokenizer(const ByteBpeParts& parts) {
  const bool split_is_all = parts.pre_tokenizer == BytePreTokenizer::kLlama3 ||
                            parts.pre_tokenizer == BytePreTokenizer::kQwen2;
  json bytes = {{"type", "ByteLevel"},
                {"add_prefix_space", parts.add_prefix_space},
                {"trim_offsets", true},
                {"use_regex", !split_is_all}};
  const auto split = [](const char* pattern, const char* behavior, bool invert) {
    return json{{"type", "Split"},
                {"pattern", {{"Regex", pattern}}},
                {"behavior", behavior},
                {"invert", invert}};
  };
  json first;
  switch (parts.pre_tokenizer) {
    case BytePreTokenizer::kGpt2:
      return bytes;
    case BytePreTokenizer::kSmolLm:
      first = {{"type", "Digits"}, {"individual_digits", true}};
      break;
    case BytePreTokenizer::kLlama3:
      first = split(kLlama3Pattern, "Isolated", false);
      break;
    case BytePreTokenizer::kQwen2:
      first = split(kQwen2Pattern, "Isolated", false);
      break;
    case BytePreTokenizer::kClip:
      first = split(kClipPattern, "Removed", true);
      break;
  }
  return {{"type", "Sequence"}, {"pretokenizers", json::array({first, bytes})}};
}

}  // namespace

json model_vocabulary(const TokenizerFrame& frame) {
  json vocabulary = json::object();
  for (int64_t id = 0; id < frame.num_model_pieces(); ++id) {
    const std::string& piece = frame.vocabulary().piece(id);
    if (!piece.empty()) vocabulary[piece] = id;
  }
  return vocabulary;
}

json tokenizer_document(const TokenizerFrame& frame) {
  json added = json::array();
  for (const AddedToken& token : frame.parts().added_tokens) {
    json entry = token_fields(token);
    entry["id"] = token.id;
    added.push_back(entry);
  }
  return {{"version", "1.0"},      {"truncation", nullptr},
          {"padding", nullptr},    {"added_tokens", added},
          {"normalizer", nullptr}, {"post_processor", post_processor(frame)}};
}

json config_document(const TokenizerFrame& frame, const char* tokenizer_class) {
  const std::string& carried = frame.parts().config_json;
  json config = carried.empty() ? json::object() : json::parse(carried, nullptr, false);
  if (!config.is_object()) {
    fail(ErrorCode::kInvalidArgument, "{}: tokenizer_config: expected a JSON object, found {}",
         frame.parts().source, quote(carried));
  }
  if (!config.contains("tokenizer_class")) config["tokenizer_class"] = tokenizer_class;
  config["clean_up_tokenization_spaces"] = frame.parts().clean_up_spaces;
  json decoder = json::object();
  for (const AddedToken& token : frame.parts().added_tokens) {
    decoder[std::to_string(token.id)] = token_fields(token);
  }
  config["added_tokens_decoder"] = decoder;
  for (const SpecialRole& role : kSpecialRoles) {
    const int64_t id = frame.vocabulary().special_ids().*role.id;
    // null, not silence: where the file is silent, AutoTokenizer adds its class's own.
    config[std::string(role.name) + "_token"] =
        id >= 0 ? json(frame.vocabulary().piece(id)) : json(nullptr);
  }
  return config;
}

void write_json(const std::filesystem::path& path, const json& document) {
  write_file_atomic(path, json_document(document));
}

void WordPiece::save(const std::filesystem::path& directory) const {
  const BertNormalization& options = parts_.normalization;
  json document = tokenizer_document(frame_);
  document["normalizer"] = {{"type", "BertNormalizer"},
                            {"clean_text", options.clean_text},
                            {"handle_chinese_chars", options.space_cjk},
                            {"strip_accents", options.strip_accents},
                            {"lowercase", options.lower_case}};
  document["pre_tokenizer"] = {{"type", "BertPreTokenizer"}};
  document["decoder"] = {
      {"type", "WordPiece"}, {"prefix", parts_.continuation}, {"cleanup", parts_.clean_up}};
  document["model"] = {{"type", "WordPiece"},
                       {"unk_token", parts_.unknown},
                       {"continuing_subword_prefix", parts_.continuation},
                       {"max_input_chars_per_word", parts_.max_word_characters},
                       {"vocab", model_vocabulary(frame_)}};
  json config = config_document(frame_, "BertTokenizer");
  config["do_lower_case"] = options.lower_case;
  config["strip_accents"] = options.strip_accents;
  config["tokenize_chinese_chars"] = options.space_cjk;
  make_directories(directory);
  write_json(directory / "tokenizer.json", document);
  write_json(directory / "tokenizer_config.json", config);
  write_vocab_txt(directory / "vocab.txt", frame_);
}

void ByteBpe::save(const std::filesystem::path& directory) const {
  json document = tokenizer_document(frame_);
  document["normalizer"] = normalizer_document(parts_.normalizer);
  document["pre_tokenizer"] = byte_pre_tokenizer(parts_);
  document["decoder"] = {{"type", "ByteLevel"},
                         {"add_prefix_space", true},
                         {"trim_offsets", true},
                         {"use_regex", true}};
  document["model"] = {
      {"type", "BPE"},
      {"dropout", nullptr},
      {"unk_token", parts_.unknown.empty() ? json(nullptr) : json(parts_.unknown)},
      {"continuing_subword_prefix", nullptr},
      {"end_of_word_suffix", parts_.end_of_word.empty() ? json(nullptr) : json(parts_.end_of_word)},
      {"fuse_unk", parts_.fuse_unknown},
      {"byte_fallback", false},
      {"ignore_merges", parts_.ignore_merges},
      {"vocab", model_vocabulary(frame_)},
      {"merges", parts_.merges}};
  const bool is_clip = parts_.pre_tokenizer == BytePreTokenizer::kClip;
  json config = config_document(frame_, is_clip ? "CLIPTokenizer" : "PreTrainedTokenizerFast");
  config["add_prefix_space"] = parts_.add_prefix_space;
  make_directories(directory);
  write_json(directory / "tokenizer.json", document);
  write_json(directory / "tokenizer_config.json", config);
}

}  // namespace blip2
