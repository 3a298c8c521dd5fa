// load_tokenizer: which files a directory has, and what its configuration adds to them. The rules
// are those by which Hugging Face's AutoTokenizer (4.57) completes a tokenizer.json. Longer than
// others: it is one list of rules.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/base/json_fields.h"
#include "blip2/base/quote.h"
#include "blip2/text/tokenizer_files.h"

namespace blip2 {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

/// The directory's side files; those that are missing are empty objects.
struct SideFiles {
  json config_document, map_document, added_document;
  JsonFields config, special_tokens_map, added_tokens;
  bool has_config;

  explicit SideFiles(const fs::path& directory)
      : config_document(read(directory / "tokenizer_config.json")),
        map_document(read(directory / "special_tokens_map.json")),
        added_document(read(directory / "added_tokens.json")),
        config{config_document, (directory / "tokenizer_config.json").string()},
        special_tokens_map{map_document, (directory / "special_tokens_map.json").string()},
        added_tokens{added_document, (directory / "added_tokens.json").string()},
        has_config(!config_document.empty()) {}
  SideFiles(const SideFiles&) = delete;
  SideFiles& operator=(const SideFiles&) = delete;

  // The tokenizer's class without the "Fast" that means nothing here; "" = not said.
  std::string tokenizer_class() const {
    std::string name = config.text("tokenizer_class", "");
    if (name.ends_with("Fast")) name.resize(name.size() - 4);
    return name;
  }
  // What a directory without a configuration is taken for.
  void set_default_class(const char* name) {
    if (config_document.contains("tokenizer_class")) return;
    config_document["tokenizer_class"] = name;
    has_config = true;
  }

 private:
  static json read(const fs::path& path) {
    return fs::exists(path) ? read_json_object<json>(path) : json::object();
  }
};

int64_t num_extra_ids(const SideFiles& files) {
  constexpr int64_t kMost = 100'000;
  const int64_t count = files.config.integer("extra_ids", 100);
  if (count < 0 || count > kMost) {
    fail(ErrorCode::kCorruptData, "{}: extra_ids: expected 0 to {}, found {}", files.config.where(),
         kMost, count);
  }
  return count;
}

/// The pieces and the added tokens of the parts under construction.
class TokenList {
 public:
  TokenList(const std::vector<std::string>& pieces, std::vector<AddedToken>& added)
      : pieces_(pieces), added_(added) {}

  // The id of a token, -1 if it is in neither list.
  int64_t find(const std::string& content) const {
    for (const AddedToken& token : added_) {
      if (token.content == content) return token.id;
    }
    const auto found = std::find(pieces_.begin(), pieces_.end(), content);
    return found == pieces_.end() || content.empty() ? -1 : found - pieces_.begin();
  }

  // Makes it an added token unless it is one; without an id it gets its piece's or the next free
  // one.
  void add(AddedToken token) {
    for (const AddedToken& known : added_) {
      if (known.content == token.content) return;
    }
    if (token.id < 0) token.id = find(token.content);
    if (token.id < 0) {
      token.id = static_cast<int64_t>(pieces_.size());
      for (const AddedToken& known : added_) token.id = std::max(token.id, known.id + 1);
    }
    added_.push_back(std::move(token));
  }

 private:
  const std::vector<std::string>& pieces_;
  std::vector<AddedToken>& added_;
};

/// A token in a configuration: only its content, or an object with its fields.
AddedToken read_token(const json& value, const std::string& where, bool special) {
  AddedToken token;
  token.special = special;
  if (value.is_string()) {
    token.content = value.get<std::string>();
    return token;
  }
  const JsonFields place(value, where);
  token.content = place.text("content");
  token.special = place.flag("special", special);
  token.single_word = place.flag("single_word", false);
  token.lstrip = place.flag("lstrip", false);
  token.rstrip = place.flag("rstrip", false);
  token.normalized = place.flag("normalized", false);
  return token;
}

int64_t parse_id(const std::string& text, const std::string& where) {
  int64_t id = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size() || id < 0) {
    fail(ErrorCode::kCorruptData, "{}: expected an id, found {}", where, quote(text));
  }
  return id;
}

void add_listed_tokens(const SideFiles& files, TokenList& tokens) {
  if (const json* decoder = files.config.find("added_tokens_decoder")) {
    const JsonFields place(*decoder, files.config.where() + ": added_tokens_decoder");
    std::vector<AddedToken> listed;
    for (const auto& [id, value] : place.json().items()) {
      listed.push_back(read_token(value, place.where() + ": " + id, false));
      listed.back().id = parse_id(id, place.where());
    }
    std::sort(listed.begin(), listed.end(),
              [](const AddedToken& a, const AddedToken& b) { return a.id < b.id; });
    for (AddedToken& token : listed) tokens.add(std::move(token));
    return;
  }
  // Older directories: contents and ids only, and those with a role are special.
  for (const auto& [content, value] : files.added_tokens.json().items()) {
    AddedToken token;
    token.content = content;
    token.id = as_integer(value, files.added_tokens.where() + ": " + content);
    if (token.id < 0) parse_id(value.dump(), files.added_tokens.where());
    token.special = false;
    for (const JsonFields* place : {&files.config, &files.special_tokens_map}) {
      for (const auto& [key, named] : place->json().items()) {
        if (key.ends_with("_token") && named == content) token.special = true;
        if (key == "additional_special_tokens" && named.is_array() &&
            std::find(named.begin(), named.end(), json(content)) != named.end()) {
          token.special = true;
        }
      }
    }
    token.normalized = !token.special;
    tokens.add(std::move(token));
  }
}

struct DefaultToken {
  const char* role;
  const char* content;
};
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

/// Tokens by role: what the configuration says, else the older map, else the class's default where
/// the vocabulary has it.
void add_named_tokens(const SideFiles& files, std::span<const DefaultToken> defaults,
                      TokenList& tokens, SpecialIds& ids) {
  for (const SpecialRole& role : kSpecialRoles) {
    const std::string key = std::string(role.name) + "_token";
    const JsonFields& place =
        files.config.json().contains(key) ? files.config : files.special_tokens_map;
    AddedToken token;
    if (const json* value = place.find(key.c_str())) {
      token = read_token(*value, place.where() + ": " + key, true);
    } else if (!place.json().contains(key)) {
      for (const DefaultToken& fallback : defaults) {
        if (fallback.role == std::string(role.name) && tokens.find(fallback.content) >= 0) {
          token.content = fallback.content;
        }
      }
    }
    if (token.content.empty()) continue;
    tokens.add(token);
    ids.*role.id = tokens.find(token.content);
  }
  for (const JsonFields* place : {&files.config, &files.special_tokens_map}) {
    const json* list = place->find("additional_special_tokens");
    if (!list) continue;
    const std::string where = place->where() + ": additional_special_tokens";
    for (const json& value : as_array(*list, where)) tokens.add(read_token(value, where, true));
  }
}

/// The class T5Tokenizer's own tokens, <extra_id_0> and so on, unless the configuration lists them.
void add_extra_ids(const SideFiles& files, TokenList& tokens) {
  const int64_t wanted = num_extra_ids(files);
  int64_t found = 0;
  if (const json* list = files.config.find("additional_special_tokens")) {
    const std::string where = files.config.where() + ": additional_special_tokens";
    for (const json& value : *list) {
      if (read_token(value, where, true).content.find("<extra_id_") != std::string::npos) ++found;
    }
  }
  if (found > 0 && wanted > 0 && found != wanted) {
    fail(ErrorCode::kCorruptData,
         "{}: expected as many <extra_id_...> in additional_special_tokens as extra_ids says, {}, "
         "found {}",
         files.config.where(), wanted, found);
  }
  for (int64_t number = 0; found == 0 && number < wanted; ++number) {
    AddedToken token;
    token.content = extra_id(number);
    tokens.add(std::move(token));
  }
}

void complete_frame(TokenizerFrameParts& frame, const std::vector<std::string>& pieces,
                    const SideFiles& files, std::span<const DefaultToken> defaults,
                    std::span<const std::string> extra_special_tokens) {
  TokenList tokens(pieces, frame.added_tokens);
  add_listed_tokens(files, tokens);
  add_named_tokens(files, defaults, tokens, frame.special_ids);
  if (files.tokenizer_class() == "T5Tokenizer") add_extra_ids(files, tokens);
  for (const std::string& content : extra_special_tokens) {
    AddedToken token;
    token.content = content;
    tokens.add(token);
  }
  frame.clean_up_spaces = files.config.flag("clean_up_tokenization_spaces", false);
  if (files.has_config) frame.config_json = files.config_document.dump();
}

std::unique_ptr<Tokenizer> build(WordPieceParts parts, const SideFiles& files, bool from_vocab_txt,
                                 std::span<const std::string> extra_special_tokens) {
  const std::string kind = files.tokenizer_class();
  const bool is_bert =
      kind == "BertTokenizer" || kind == "DistilBertTokenizer" || kind == "ElectraTokenizer";
  if (from_vocab_txt && !is_bert && !kind.empty()) {
    fail(ErrorCode::kUnsupported, "{}: tokenizer_class {} with vocab.txt alone is not supported",
         files.config.where(), quote(kind));
  }
  complete_frame(parts.frame, parts.pieces, files, kBertDefaults, extra_special_tokens);
  if (is_bert || from_vocab_txt) {  // the class's options overrule tokenizer.json
    BertNormalization& options = parts.normalization;
    const std::optional<bool> lower_case = files.config.optional_flag("do_lower_case");
    options.lower_case = lower_case.value_or(options.lower_case);
    options.strip_accents =
        files.config.flag("strip_accents", lower_case ? options.lower_case : options.strip_accents);
    options.space_cjk = files.config.flag("tokenize_chinese_chars", options.space_cjk);
  }
  if (from_vocab_txt) {
    const SpecialIds& ids = parts.frame.special_ids;
    if (ids.cls < 0 || ids.sep < 0) {
      fail(ErrorCode::kCorruptData, "{}: expected [CLS] and [SEP] among {} tokens, found none",
           parts.frame.source, parts.pieces.size());
    }
    parts.frame.prefix_ids = {ids.cls};
    parts.frame.suffix_ids = {ids.sep};
  }
  return std::make_unique<WordPiece>(std::move(parts));
}

/// LlamaTokenizerFast makes its template from its tokens, whatever tokenizer.json says.
void set_llama_template(const SideFiles& files, TokenizerFrameParts& frame) {
  const auto side = [&](const char* key, bool fallback, int64_t id) -> std::vector<int64_t> {
    if (!files.config.flag(key, fallback)) return {};
    if (id < 0) {
      fail(ErrorCode::kCorruptData, "{}: {}: expected such a token in the vocabulary, found none",
           files.config.where(), key);
    }
    return {id};
  };
  frame.prefix_ids = side("add_bos_token", true, frame.special_ids.bos);
  frame.suffix_ids = side("add_eos_token", false, frame.special_ids.eos);
}

/// What CLIP's class makes of vocab.json and merges.txt beyond its parts.
void finish_clip(const SideFiles& files, ByteBpeParts& parts) {
  const SpecialIds& ids = parts.frame.special_ids;
  if (ids.bos < 0 || ids.eos < 0 || ids.unk < 0) {
    fail(ErrorCode::kCorruptData,
         "{}: expected <|startoftext|> and <|endoftext|> among {} tokens, found none",
         parts.frame.source, parts.tokens.size());
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
    if (token.id == ids.unk) parts.unknown = token.content;
  }
  parts.frame.prefix_ids = {ids.bos};
  parts.frame.suffix_ids = {ids.eos};
}

std::unique_ptr<Tokenizer> build(ByteBpeParts parts, const SideFiles& files, bool from_vocab_json,
                                 std::span<const std::string> extra_special_tokens) {
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
  complete_frame(parts.frame, parts.tokens, files, defaults, extra_special_tokens);
  if (from_vocab_json && is_clip) finish_clip(files, parts);
  if (kind == "LlamaTokenizer") set_llama_template(files, parts.frame);
  // AutoTokenizer overrules tokenizer.json, and takes a missing field for false.
  if (parts.pre_tokenizer == BytePreTokenizer::kGpt2 && (files.has_config || from_vocab_json)) {
    parts.add_prefix_space = files.config.flag("add_prefix_space", false);
  }
  // Older tokenizer.json files of OPT lack the start token that their configuration asks for.
  const int64_t bos = parts.frame.special_ids.bos;
  if (is_gpt2 && bos >= 0 && parts.frame.prefix_ids.empty() &&
      files.config.flag("add_bos_token", false)) {
    parts.frame.prefix_ids = {bos};
  }
  return ByteBpe::from_parts(std::move(parts));
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

std::unique_ptr<Tokenizer> build(SentencePieceParts parts, const SideFiles& files,
                                 std::span<const std::string> extra_special_tokens) {
  const std::string kind = files.tokenizer_class();
  std::span<const DefaultToken> defaults;
  if (kind == "T5Tokenizer") defaults = kT5Defaults;
  if (kind == "LlamaTokenizer") defaults = kLlamaDefaults;
  complete_frame(parts.frame, parts.pieces, files, defaults, extra_special_tokens);
  if (kind == "LlamaTokenizer") set_llama_template(files, parts.frame);
  return std::make_unique<SentencePiece>(std::move(parts));
}

std::unique_ptr<Tokenizer> build(const ModelFile& file, const SideFiles& files,
                                 std::span<const std::string> extra_special_tokens) {
  const bool legacy = files.config.flag("legacy", true);
  // null means missing here, and missing means no space.
  const bool add_prefix_space =
      files.config.flag("add_prefix_space", !files.config.json().contains("add_prefix_space"));
  const std::string source = file.path.string();
  if (file.is_t5) {
    const PrependScheme scheme = !add_prefix_space ? PrependScheme::kNever
                                 : legacy          ? PrependScheme::kAlways
                                                   : PrependScheme::kFirst;
    const T5Options options{.num_extra_ids = num_extra_ids(files), .prepend = scheme};
    return build(t5_parts(read_sentencepiece_model(file.path), options, source), files,
                 extra_special_tokens);
  }
  const LlamaOptions options{.legacy = legacy, .add_prefix_space = add_prefix_space};
  return build(llama_parts(read_sentencepiece_model(file.path), options, source), files,
               extra_special_tokens);
}

}  // namespace

std::unique_ptr<Tokenizer> load_tokenizer(const fs::path& directory,
                                          std::span<const std::string> extra_special_tokens) {
  const fs::path json_path = directory / "tokenizer.json", vocab_txt = directory / "vocab.txt",
                 vocab_json = directory / "vocab.json", merges = directory / "merges.txt";
  const bool has_json = fs::exists(json_path), has_txt = fs::exists(vocab_txt);
  SideFiles files(directory);
  const ModelFile model = find_model_file(directory, files, has_json);
  if (!model.path.empty()) {
    files.set_default_class(model.is_t5 ? "T5Tokenizer" : "LlamaTokenizer");
    return build(model, files, extra_special_tokens);
  }
  if (!has_json && !has_txt && !(fs::exists(vocab_json) && fs::exists(merges))) {
    fail(ErrorCode::kNotFound,
         "{}: expected tokenizer.json, vocab.txt, vocab.json with merges.txt, spiece.model or "
         "tokenizer.model, found none",
         directory.string());
  }
  if (has_json) {
    TokenizerParts parts = read_tokenizer_json(json_path);
    if (auto* pieces = std::get_if<SentencePieceParts>(&parts)) {
      return build(std::move(*pieces), files, extra_special_tokens);
    }
    if (auto* words = std::get_if<WordPieceParts>(&parts)) {
      return build(std::move(*words), files, false, extra_special_tokens);
    }
    return build(std::get<ByteBpeParts>(std::move(parts)), files, false, extra_special_tokens);
  }
  if (has_txt) return build(read_vocab_txt(vocab_txt), files, true, extra_special_tokens);
  const bool is_clip = files.tokenizer_class() == "CLIPTokenizer";
  return build(is_clip ? read_clip_vocab_json_and_merges(vocab_json, merges)
                       : read_vocab_json_and_merges(vocab_json, merges),
               files, true, extra_special_tokens);
}

}  // namespace blip2
