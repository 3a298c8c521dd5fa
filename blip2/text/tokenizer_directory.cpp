// load_tokenizer: which files a directory has, and what its configuration adds to them. The rules
// are those by which Hugging Face's AutoTokenizer (4.57) completes a tokenizer.json; a directory
// that transformers 5 has saved says all in that file.
#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/base/json_fields.h"
#include "blip2/base/quote.h"
#include "blip2/text/json_components.h"
#include "blip2/text/pipeline_tokenizer.h"
#include "blip2/text/tokenizer_completion.h"
#include "blip2/text/tokenizer_files.h"

namespace blip2 {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr std::array kBertDefaults{DefaultToken{"unk", "[UNK]"}, DefaultToken{"sep", "[SEP]"},
                                   DefaultToken{"pad", "[PAD]"}, DefaultToken{"cls", "[CLS]"},
                                   DefaultToken{"mask", "[MASK]"}};
constexpr std::array kClipDefaults{
    DefaultToken{"bos", "<|startoftext|>"}, DefaultToken{"eos", "<|endoftext|>"},
    DefaultToken{"unk", "<|endoftext|>"}, DefaultToken{"pad", "<|endoftext|>"}};
constexpr std::array kT5Defaults{DefaultToken{"eos", "</s>"}, DefaultToken{"unk", "<unk>"},
                                 DefaultToken{"pad", "<pad>"}};
constexpr std::array kLlamaDefaults{DefaultToken{"bos", "<s>"}, DefaultToken{"eos", "</s>"},
                                    DefaultToken{"unk", "<unk>"}};
constexpr std::array kGpt2Defaults{DefaultToken{"bos", "<|endoftext|>"},
                                   DefaultToken{"eos", "<|endoftext|>"},
                                   DefaultToken{"unk", "<|endoftext|>"}};
constexpr std::array kQwen2Defaults{DefaultToken{"eos", "<|endoftext|>"},
                                    DefaultToken{"unk", "<|endoftext|>"},
                                    DefaultToken{"pad", "<|endoftext|>"}};

bool is_bert_class(const std::string& kind) {
  return kind == "BertTokenizer" || kind == "DistilBertTokenizer" || kind == "ElectraTokenizer";
}

/// The options of BERT's class overrule tokenizer.json, and a missing one means its default.
void apply_bert_options(const SideFiles& files, TokenizerComponents& components) {
  if (components.normalizer.empty()) return;
  json normalizer = json::parse(components.normalizer);
  if (!is_component(normalizer, "BertNormalizer")) return;
  if (files.is_newer() && !files.config.has("do_lower_case")) return;
  normalizer["lowercase"] = files.config.flag("do_lower_case", true);
  const std::optional<bool> strip_accents = files.config.optional_flag("strip_accents");
  normalizer["strip_accents"] = strip_accents ? json(*strip_accents) : json(nullptr);
  normalizer["handle_chinese_chars"] = files.config.flag("tokenize_chinese_chars", true);
  components.normalizer = normalizer.dump();
}

void complete_wordpiece(const Completion& with, bool from_vocab_txt, TokenizerParts& parts) {
  const SideFiles& files = with.files;
  const std::string kind = files.tokenizer_class();
  if (from_vocab_txt && !is_bert_class(kind) && !kind.empty()) {
    fail(ErrorCode::kUnsupported, "{}: tokenizer_class {} with vocab.txt alone is not supported",
         files.config.where(), quote(kind));
  }
  const bool is_bert = is_bert_class(kind) || kind.empty();
  complete_frame(
      parts, with,
      is_bert ? std::span<const DefaultToken>(kBertDefaults) : std::span<const DefaultToken>());
  if (is_bert_class(kind) || from_vocab_txt) apply_bert_options(files, parts.components);
  if (!from_vocab_txt) return;
  const SpecialIds& ids = parts.frame.special_ids;
  if (ids.cls < 0 || ids.sep < 0) {
    fail(ErrorCode::kCorruptData, "{}: expected [CLS] and [SEP] among {} tokens, found none",
         parts.frame.source, parts.pieces.size());
  }
  parts.frame.prefix_ids = {ids.cls};
  parts.frame.suffix_ids = {ids.sep};
}

/// LlamaTokenizerFast makes its template from its tokens, whatever tokenizer.json says; that of
/// transformers 5 where the configuration speaks of it.
void set_llama_template(const SideFiles& files, TokenizerFrameParts& frame) {
  const bool is_said = files.config.has("add_bos_token") || files.config.has("add_eos_token");
  if (files.is_newer() && !is_said) return;
  const auto side = [&](const char* key, bool fallback, int64_t id) -> std::vector<int64_t> {
    if (!files.config.flag(key, fallback)) return {};
    if (id < 0) {
      fail(ErrorCode::kCorruptData, "{}: {}: expected such a token in the vocabulary, found none",
           files.config.where(), key);
    }
    return {id};
  };
  frame.prefix_ids = side("add_bos_token", !files.is_newer(), frame.special_ids.bos);
  frame.suffix_ids = side("add_eos_token", false, frame.special_ids.eos);
}

/// What CLIP's class makes of vocab.json and merges.txt beyond its parts.
void finish_clip(const SideFiles& files, TokenizerParts& parts) {
  const SpecialIds& ids = parts.frame.special_ids;
  if (ids.bos < 0 || ids.eos < 0 || ids.unk < 0) {
    fail(ErrorCode::kCorruptData,
         "{}: expected <|startoftext|> and <|endoftext|> among {} tokens, found none",
         parts.frame.source, parts.pieces.size());
  }
  for (AddedToken& token : parts.frame.added_tokens) {
    // Tokens of which the configuration gives no more than the text match normalised text.
    for (const auto& [key, id] : {std::pair{"bos_token", ids.bos}, std::pair{"eos_token", ids.eos},
                                  std::pair{"unk_token", ids.unk}}) {
      const json* value = files.config.find(key);
      if (token.id == id && (!value || value->is_string()) &&
          !files.config.json().contains("added_tokens_decoder")) {
        token.normalized = true;
      }
    }
    if (token.id == ids.unk) std::get<BpeParts>(parts.model).unknown = token.content;
  }
  parts.frame.prefix_ids = {ids.bos};
  parts.frame.suffix_ids = {ids.eos};
}

/// AutoTokenizer overrules the option of tokenizer.json where ByteLevel is all of the
/// pre-tokenizer, and takes a missing field for false.
void apply_prefix_space(const SideFiles& files, TokenizerComponents& components) {
  if (components.pre_tokenizer.empty() || files.is_newer()) return;
  json splitter = json::parse(components.pre_tokenizer);
  if (!is_component(splitter, "ByteLevel")) return;
  splitter["add_prefix_space"] = files.config.flag("add_prefix_space", false);
  components.pre_tokenizer = splitter.dump();
}

void complete_bpe(const Completion& with, bool from_vocab_json, TokenizerParts& parts) {
  const SideFiles& files = with.files;
  const std::string kind = files.tokenizer_class();
  const bool is_gpt2 = kind == "GPT2Tokenizer" || (from_vocab_json && kind.empty());
  const bool is_clip = kind == "CLIPTokenizer";
  if (from_vocab_json && !is_gpt2 && !is_clip) {
    fail(ErrorCode::kUnsupported, "{}: tokenizer_class {} with vocab.json alone is not supported",
         files.config.where(), quote(kind));
  }
  std::span<const DefaultToken> defaults;
  if (is_gpt2) defaults = kGpt2Defaults;
  if (is_clip) defaults = kClipDefaults;
  if (kind == "Qwen2Tokenizer") defaults = kQwen2Defaults;
  if (kind == "LlamaTokenizer") defaults = kLlamaDefaults;
  complete_frame(parts, with, defaults);
  if (from_vocab_json && is_clip) finish_clip(files, parts);
  const bool has_word_ends = !std::get<BpeParts>(parts.model).end_of_word.empty();
  parts.decodes_as_clip = is_clip || (kind.empty() && has_word_ends);
  if (kind == "LlamaTokenizer") set_llama_template(files, parts.frame);
  if (files.has_config || from_vocab_json) apply_prefix_space(files, parts.components);
  // Older tokenizer.json files of OPT lack the start token that their configuration asks for.
  const int64_t bos = parts.frame.special_ids.bos;
  if (is_gpt2 && bos >= 0 && parts.frame.prefix_ids.empty() &&
      files.config.flag("add_bos_token", false)) {
    parts.frame.prefix_ids = {bos};
  }
}

/// Unigram's class is T5's, or none that adds to the file; of words by a table there is none.
void complete_others(const Completion& with, TokenizerParts& parts) {
  const bool is_t5 = with.files.tokenizer_class() == "T5Tokenizer";
  complete_frame(
      parts, with,
      is_t5 ? std::span<const DefaultToken>(kT5Defaults) : std::span<const DefaultToken>());
}

/// The file of a SentencePiece model, and whether it is T5's or LLaMA's; no path where there is
/// none.
struct ModelFile {
  fs::path path;
  bool is_t5 = true;
};

ModelFile find_model_file(const fs::path& directory, const SideFiles& files, bool has_json) {
  ModelFile file{directory / "spiece.model"};
  if (!fs::exists(file.path)) file = {directory / "tokenizer.model", false};
  if (!fs::exists(file.path)) return {};
  const std::string kind = files.tokenizer_class();
  const bool is_known = kind == "T5Tokenizer" || kind == "LlamaTokenizer";
  // With this option set, Hugging Face's classes leave tokenizer.json aside.
  if (has_json && !(is_known && files.config.find("add_prefix_space"))) return {};
  if (!is_known && !kind.empty()) {
    fail(ErrorCode::kUnsupported, "{}: tokenizer_class {} with {} alone is not supported",
         files.config.where(), quote(kind), file.path.filename().string());
  }
  if (is_known) file.is_t5 = kind == "T5Tokenizer";
  return file;
}

TokenizerParts read_model_file(const ModelFile& file, const SideFiles& files) {
  const bool legacy = files.config.flag("legacy", true);
  // null means missing here, and missing means no space.
  const bool add_prefix_space =
      files.config.flag("add_prefix_space", !files.config.json().contains("add_prefix_space"));
  const std::string source = file.path.string();
  if (file.is_t5) {
    const char* scheme = !add_prefix_space ? "never" : legacy ? "always" : "first";
    const T5Options options{.num_extra_ids = num_extra_ids(files), .prepend_scheme = scheme};
    return t5_parts(read_sentencepiece_model(file.path), options, source);
  }
  const LlamaOptions options{.legacy = legacy, .add_prefix_space = add_prefix_space};
  return llama_parts(read_sentencepiece_model(file.path), options, source);
}

/// Where the parts come from.
enum class Origin { kTokenizerJson, kModelFile, kVocabTxt, kVocabJson };

Origin find_origin(const fs::path& directory, const ModelFile& model) {
  if (!model.path.empty()) return Origin::kModelFile;
  if (fs::exists(directory / "tokenizer.json")) return Origin::kTokenizerJson;
  if (fs::exists(directory / "vocab.txt")) return Origin::kVocabTxt;
  if (fs::exists(directory / "vocab.json") && fs::exists(directory / "merges.txt")) {
    return Origin::kVocabJson;
  }
  fail(ErrorCode::kNotFound,
       "{}: expected tokenizer.json, vocab.txt, vocab.json with merges.txt, spiece.model or "
       "tokenizer.model, found none",
       directory.string());
}

TokenizerParts read_parts(const fs::path& directory, Origin origin, const ModelFile& model,
                          const SideFiles& files) {
  if (origin == Origin::kModelFile) return read_model_file(model, files);
  if (origin == Origin::kTokenizerJson) return read_tokenizer_json(directory / "tokenizer.json");
  if (origin == Origin::kVocabTxt) return read_vocab_txt(directory / "vocab.txt");
  const fs::path vocabulary = directory / "vocab.json", merges = directory / "merges.txt";
  return files.tokenizer_class() == "CLIPTokenizer"
             ? read_clip_vocab_json_and_merges(vocabulary, merges)
             : read_vocab_json_and_merges(vocabulary, merges);
}

}  // namespace

std::unique_ptr<Tokenizer> load_tokenizer(const fs::path& directory,
                                          std::span<const std::string> extra_special_tokens,
                                          std::span<const std::string> plain_words) {
  SideFiles files(directory);
  const ModelFile model =
      find_model_file(directory, files, fs::exists(directory / "tokenizer.json"));
  const Origin origin = find_origin(directory, model);
  if (origin == Origin::kModelFile) {
    files.set_default_class(model.is_t5 ? "T5Tokenizer" : "LlamaTokenizer");
  }
  TokenizerParts parts = read_parts(directory, origin, model, files);
  const Completion with{files, extra_special_tokens};
  if (std::holds_alternative<WordPieceParts>(parts.model)) {
    complete_wordpiece(with, origin == Origin::kVocabTxt, parts);
  } else if (std::holds_alternative<BpeParts>(parts.model)) {
    complete_bpe(with, origin == Origin::kVocabJson, parts);
  } else {
    complete_others(with, parts);
  }
  parts.frame.plain_words.assign(plain_words.begin(), plain_words.end());
  return std::make_unique<PipelineTokenizer>(std::move(parts));
}

}  // namespace blip2
