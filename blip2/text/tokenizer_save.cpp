// Writing a tokenizer's directory, so that load_tokenizer and Hugging Face's AutoTokenizer read it
// back with the same ids.
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/base/json_text.h"
#include "blip2/base/quote.h"
#include "blip2/text/json_components.h"
#include "blip2/text/pipeline_tokenizer.h"

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

json model_vocabulary(const TokenizerFrame& frame) {
  json vocabulary = json::object();
  for (int64_t id = 0; id < frame.num_model_pieces(); ++id) {
    const std::string& piece = frame.vocabulary().piece(id);
    if (!piece.empty()) vocabulary[piece] = id;
  }
  return vocabulary;
}

json text_or_null(const std::string& text) { return text.empty() ? json(nullptr) : json(text); }

json model_document(const WordPiece& model, const TokenizerFrame& frame) {
  return {{"type", "WordPiece"},
          {"unk_token", model.parts().unknown},
          {"continuing_subword_prefix", model.parts().continuation},
          {"max_input_chars_per_word", model.parts().max_word_characters},
          {"vocab", model_vocabulary(frame)}};
}

json model_document(const Bpe& model, const TokenizerFrame& frame) {
  const BpeParts& parts = model.parts();
  const bool have_spaces =
      std::any_of(parts.merges.begin(), parts.merges.end(), [](const MergePair& merge) {
        return merge.left.find(' ') != std::string::npos ||
               merge.right.find(' ') != std::string::npos;
      });
  json merges = json::array();
  for (const MergePair& merge : parts.merges) {
    if (have_spaces) {
      merges.push_back({merge.left, merge.right});
    } else {
      merges.push_back(merge.left + " " + merge.right);
    }
  }
  return {{"type", "BPE"},
          {"dropout", nullptr},
          {"unk_token", text_or_null(parts.unknown)},
          {"continuing_subword_prefix", text_or_null(parts.continuation)},
          {"end_of_word_suffix", text_or_null(parts.end_of_word)},
          {"fuse_unk", parts.fuse_unknown},
          {"byte_fallback", parts.byte_fallback},
          {"ignore_merges", parts.ignore_merges},
          {"vocab", model_vocabulary(frame)},
          {"merges", merges}};
}

json model_document(const Unigram& model, const TokenizerFrame& frame) {
  json vocabulary = json::array();
  for (int64_t id = 0; id < frame.num_model_pieces(); ++id) {
    vocabulary.push_back(
        {frame.vocabulary().piece(id), model.parts().scores[static_cast<size_t>(id)]});
  }
  const int64_t unknown_id = model.parts().unknown_id;
  return {{"type", "Unigram"},
          {"unk_id", unknown_id < 0 ? json(nullptr) : json(unknown_id)},
          {"byte_fallback", model.parts().byte_fallback},
          {"vocab", vocabulary}};
}

json model_document(const WordLevel& model, const TokenizerFrame& frame) {
  return {{"type", "WordLevel"},
          {"vocab", model_vocabulary(frame)},
          {"unk_token", model.parts().unknown}};
}

json component_document(const std::string& text) {
  return text.empty() ? json(nullptr) : json::parse(text);
}

/// tokenizer.json without components and model.
json tokenizer_document(const TokenizerFrame& frame) {
  json added = json::array();
  for (const AddedToken& token : frame.parts().added_tokens) {
    json entry = token_fields(token);
    entry["id"] = token.id;
    added.push_back(entry);
  }
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", added},
          {"post_processor", post_processor(frame)}};
}

/// tokenizer_config.json: what was read, with the tokens as they are now. `tokenizer_class` where
/// none was read.
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

/// The class by which transformers opens a tokenizer of which no file names one.
const char* default_class(const TokenizerParts& parts, const json& normalizer) {
  if (parts.decodes_as_clip) return "CLIPTokenizer";
  return is_component(normalizer, "BertNormalizer") ? "BertTokenizer" : "PreTrainedTokenizerFast";
}

/// What transformers' classes make of a tokenizer_config.json beyond tokenizer.json must say the
/// same as that.
void repeat_options(const json& document, json& config) {
  const json& normalizer = document.at("normalizer");
  if (is_component(normalizer, "BertNormalizer")) {
    config["do_lower_case"] = normalizer.value("lowercase", true);
    config["strip_accents"] = normalizer.value("strip_accents", json());  // null: as lowercase
    config["tokenize_chinese_chars"] = normalizer.value("handle_chinese_chars", true);
  }
  const json& splitter = document.at("pre_tokenizer");
  if (is_component(splitter, "ByteLevel")) {
    config["add_prefix_space"] = splitter.value("add_prefix_space", true);
  } else {
    // Were it there, Hugging Face's classes would look for a SentencePiece file instead.
    config.erase("add_prefix_space");
  }
  if (const std::string kind = config["tokenizer_class"]; kind.starts_with("LlamaTokenizer")) {
    const json& processor = document.at("post_processor");
    const json single = processor.is_object() ? processor.at("single") : json::array();
    config["add_bos_token"] = !single.empty() && single.front().contains("SpecialToken");
    config["add_eos_token"] = !single.empty() && single.back().contains("SpecialToken");
  }
}

void write_json(const std::filesystem::path& path, const json& document) {
  write_file_atomic(path, json_document(document));
}

}  // namespace

void PipelineTokenizer::save(const std::filesystem::path& directory) const {
  json document = tokenizer_document(frame_);
  document["normalizer"] = component_document(parts_.components.normalizer);
  document["pre_tokenizer"] = component_document(parts_.components.pre_tokenizer);
  document["decoder"] = component_document(parts_.components.decoder);
  document["model"] =
      std::visit([&](const auto& model) { return model_document(model, frame_); }, model_);
  json config = config_document(frame_, default_class(parts_, document["normalizer"]));
  repeat_options(document, config);
  make_directories(directory);
  write_json(directory / "tokenizer.json", document);
  write_json(directory / "tokenizer_config.json", config);
  if (std::holds_alternative<WordPiece>(model_)) write_vocab_txt(directory / "vocab.txt", frame_);
}

}  // namespace blip2
