// Reading tokenizer.json: each part that we do is recognised by its type and fields; whatever else
// is refused by name rather than guessed at.
#include <nlohmann/json.hpp>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/text/json_fields.h"
#include "blip2/text/tokenizer_files.h"

namespace blip2 {
namespace {

using nlohmann::json;

[[noreturn]] void unsupported(const JsonPlace& place, const std::string& what) {
  fail(ErrorCode::kUnsupported, "{}: {} is not supported", place.where, what);
}

std::string type_of(const JsonPlace& place) {
  return as_string(need(place, "type"), place.where + ": type");
}

void refuse_type(const JsonPlace& place) { unsupported(place, "type \"" + type_of(place) + "\""); }

// The parts of a component: the members of a Sequence's list, or the component alone; null has
// none.
std::vector<JsonPlace> component_list(const JsonPlace& file, const char* key, const char* list) {
  const json* value = member(file, key);
  if (!value) return {};
  const JsonPlace component = object_at(*value, file.where + ": " + key);
  if (type_of(component) != "Sequence") return {component};
  std::vector<JsonPlace> parts;
  for (const json& part : as_array(need(component, list), component.where)) {
    parts.push_back(object_at(part, component.where));
  }
  return parts;
}

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

// {"[CLS]": {"ids": [101]}} of a template, by name.
std::vector<int64_t> template_ids(const JsonPlace& processor, const std::string& name) {
  const JsonPlace table = object_at(need(processor, "special_tokens"), processor.where);
  const JsonPlace entry =
      object_at(need(table, name.c_str()), processor.where + ": special_tokens: " + name);
  std::vector<int64_t> ids;
  for (const json& id : as_array(need(entry, "ids"), entry.where)) {
    ids.push_back(as_integer(id, entry.where));
  }
  return ids;
}

void read_template(const JsonPlace& processor, TokenizerFrameParts& frame) {
  bool behind = false;
  for (const json& value : as_array(need(processor, "single"), processor.where + ": single")) {
    const JsonPlace piece = object_at(value, processor.where + ": single");
    if (member(piece, "Sequence")) {
      if (behind) unsupported(piece, "a template that holds the text twice");
      behind = true;
      continue;
    }
    const JsonPlace special = object_at(need(piece, "SpecialToken"), piece.where);
    const auto ids = template_ids(processor, as_string(need(special, "id"), special.where));
    std::vector<int64_t>& side = behind ? frame.suffix_ids : frame.prefix_ids;
    side.insert(side.end(), ids.begin(), ids.end());
  }
  if (!behind) unsupported(processor, "a template without the text");
}

// ["[SEP]", 102] of the older processors.
int64_t pair_id(const JsonPlace& processor, const char* key) {
  const json& pair = as_array(need(processor, key), processor.where + ": " + key);
  if (pair.size() != 2) {
    fail(ErrorCode::kCorruptData, "{}: {}: expected [token, id], found {} values", processor.where,
         key, pair.size());
  }
  return as_integer(pair[1], processor.where + ": " + key);
}

void read_post_processor(const JsonPlace& file, TokenizerFrameParts& frame) {
  for (const JsonPlace& processor : component_list(file, "post_processor", "processors")) {
    const std::string type = type_of(processor);
    if (type == "TemplateProcessing") {
      read_template(processor, frame);
    } else if (type == "BertProcessing" || type == "RobertaProcessing") {
      frame.prefix_ids.push_back(pair_id(processor, "cls"));
      frame.suffix_ids.push_back(pair_id(processor, "sep"));
    } else if (type != "ByteLevel") {  // ByteLevel moves offsets only
      refuse_type(processor);
    }
  }
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
  if (steps.size() != 2 || type != "Split" || own_pattern) unsupported(first, "this sequence");
  const JsonPlace pattern = object_at(need(first, "pattern"), first.where + ": pattern");
  const std::string regex = string_or(pattern, "Regex", "");
  if (regex != kLlama3Pattern || string_or(first, "behavior", "") != "Isolated" ||
      flag_or(first, "invert", false) || parts.add_prefix_space) {
    unsupported(first, "a Split other than LLaMA 3's, by the pattern \"" + regex + "\",");
  }
  parts.pre_tokenizer = BytePreTokenizer::kLlama3;
}

std::vector<std::string> read_merges(const JsonPlace& model) {
  std::vector<std::string> merges;
  const std::string where = model.where + ": merges";
  const json& list = as_array(need(model, "merges"), where);
  merges.reserve(list.size());
  for (const json& value : list) {
    if (value.is_string()) {
      merges.push_back(value.get<std::string>());
      continue;
    }
    if (as_array(value, where).size() != 2) {
      fail(ErrorCode::kCorruptData, "{}: expected two tokens, found {}", where, value.size());
    }
    merges.push_back(as_string(value[0], where) + " " + as_string(value[1], where));
  }
  return merges;
}

ByteBpeParts read_byte_bpe(const JsonPlace& file, const JsonPlace& model) {
  ByteBpeParts parts;
  read_byte_pre_tokenizer(file, parts);
  for (const JsonPlace& normalizer : component_list(file, "normalizer", "normalizers")) {
    refuse_type(normalizer);
  }
  for (const JsonPlace& decoder : component_list(file, "decoder", "decoders")) {
    if (type_of(decoder) != "ByteLevel") refuse_type(decoder);
  }
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (!string_or(model, key, "").empty()) unsupported(model, key);
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

}  // namespace

TokenizerParts read_tokenizer_json(const std::filesystem::path& path) {
  const json document = read_json_object(path);
  const JsonPlace file{document, path.string()};
  const JsonPlace model = object_at(need(file, "model"), file.where + ": model");
  // The oldest files name no type: what a model holds tells them apart.
  const std::string type = member(model, "type")                       ? type_of(model)
                           : member(model, "merges")                   ? "BPE"
                           : member(model, "max_input_chars_per_word") ? "WordPiece"
                                                                       : type_of(model);
  TokenizerParts parts;
  if (type == "WordPiece") {
    parts = read_wordpiece(file, model);
  } else if (type == "BPE") {
    parts = read_byte_bpe(file, model);
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
