// Side files to added tokens. The rules are those by which Hugging Face's classes complete a
// tokenizer.json.
#include "blip2/text/tokenizer_completion.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"
#include "blip2/text/tokenizer_files.h"

namespace blip2 {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

std::shared_ptr<json> read_side_file(const fs::path& path) {
  return std::make_shared<json>(fs::exists(path) ? read_json_object<json>(path) : json::object());
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
    const std::string where = place->where("additional_special_tokens");
    for (const json& value : as_array(*list, where)) tokens.add(read_token(value, where, true));
  }
  if (const json* extra = files.config.find("extra_special_tokens")) {  // a list, or by name
    const std::string where = files.config.where("extra_special_tokens");
    if (!extra->is_object()) as_array(*extra, where);
    for (const json& value : *extra) tokens.add(read_token(value, where, true));
  }
}

/// The class T5Tokenizer's own tokens, <extra_id_0> and so on, unless the configuration lists them.
void add_extra_ids(const SideFiles& files, TokenList& tokens) {
  const int64_t wanted = num_extra_ids(files);
  int64_t found = 0;
  for (const char* key : {"additional_special_tokens", "extra_special_tokens"}) {
    const json* list = files.config.find(key);
    if (list == nullptr || !list->is_array()) continue;
    for (const json& value : *list) {
      const std::string content = read_token(value, files.config.where(key), true).content;
      if (content.find("<extra_id_") != std::string::npos) ++found;
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

}  // namespace

SideFiles::SideFiles(const fs::path& directory)
    : config_document(read_side_file(directory / "tokenizer_config.json")),
      map_document(read_side_file(directory / "special_tokens_map.json")),
      added_document(read_side_file(directory / "added_tokens.json")),
      config{*config_document, (directory / "tokenizer_config.json").string()},
      special_tokens_map{*map_document, (directory / "special_tokens_map.json").string()},
      added_tokens{*added_document, (directory / "added_tokens.json").string()},
      has_config(!config_document->empty()) {}

std::string SideFiles::tokenizer_class() const {
  std::string name = config.text("tokenizer_class", "");
  if (name.ends_with("Fast")) name.resize(name.size() - 4);
  return name;
}

bool SideFiles::is_newer() const { return config_document->contains("backend"); }

void SideFiles::set_default_class(const char* name) {
  if (config_document->contains("tokenizer_class")) return;
  (*config_document)["tokenizer_class"] = name;
  has_config = true;
}

int64_t num_extra_ids(const SideFiles& files) {
  constexpr int64_t kMost = 100'000;
  const int64_t count = files.config.integer("extra_ids", 100);
  if (count < 0 || count > kMost) {
    fail(ErrorCode::kCorruptData, "{}: extra_ids: expected 0 to {}, found {}", files.config.where(),
         kMost, count);
  }
  return count;
}

void complete_frame(TokenizerParts& parts, const Completion& with,
                    std::span<const DefaultToken> class_defaults) {
  const SideFiles& files = with.files;
  std::vector<DefaultToken> defaults;  // the later of a role counts
  if (!parts.padding_token.empty()) defaults.push_back({"pad", parts.padding_token.c_str()});
  defaults.insert(defaults.end(), class_defaults.begin(), class_defaults.end());
  TokenizerFrameParts& frame = parts.frame;
  TokenList tokens(parts.pieces, frame.added_tokens);
  add_listed_tokens(files, tokens);
  add_named_tokens(files, defaults, tokens, frame.special_ids);
  if (files.tokenizer_class() == "T5Tokenizer") add_extra_ids(files, tokens);
  for (const std::string& content : with.extra_special_tokens) {
    AddedToken token;
    token.content = content;
    tokens.add(token);
  }
  frame.clean_up_spaces = files.config.flag("clean_up_tokenization_spaces", false);
  frame.split_special_tokens = files.config.flag("split_special_tokens", false);
  if (files.has_config) frame.config_json = files.config_document->dump();
}

}  // namespace blip2
