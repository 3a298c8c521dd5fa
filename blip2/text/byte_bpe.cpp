// From a GGUF's lists to the parts of a tokenizer.
#include "blip2/text/byte_bpe.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/text/pipeline_tokenizer.h"

namespace blip2 {
namespace {

using nlohmann::json;

constexpr int32_t kGgufControl = 3, kGgufUserDefined = 4;

/// Turns GGUF's token types into added tokens.
ByteBpeParts with_added_tokens(ByteBpeParts parts) {
  if (parts.token_types.empty()) return parts;
  if (parts.token_types.size() != parts.tokens.size()) {
    fail(ErrorCode::kCorruptData, "{}: expected a type for each of {} tokens, found {}",
         parts.frame.source, parts.tokens.size(), parts.token_types.size());
  }
  for (size_t id = 0; id < parts.tokens.size(); ++id) {
    const int32_t type = parts.token_types[id];
    if (type != kGgufControl && type != kGgufUserDefined) continue;
    AddedToken token;
    token.content = parts.tokens[id];
    token.id = static_cast<int64_t>(id);
    token.special = type == kGgufControl;
    parts.frame.added_tokens.push_back(std::move(token));
  }
  parts.token_types.clear();
  return parts;
}

json split_document(const char* pattern, const char* behavior, bool invert) {
  return {{"type", "Split"},
          {"pattern", {{"Regex", pattern}}},
          {"behavior", behavior},
          {"invert", invert}};
}

json first_splitter(BytePreTokenizer rule) {
  switch (rule) {
    case BytePreTokenizer::kSmolLm:
      return {{"type", "Digits"}, {"individual_digits", true}};
    case BytePreTokenizer::kLlama3:
      return split_document(kLlama3Pattern, "Isolated", false);
    case BytePreTokenizer::kQwen2:
      return split_document(kQwen2Pattern, "Isolated", false);
    case BytePreTokenizer::kClip:
      return split_document(kClipPattern, "Removed", true);
    case BytePreTokenizer::kGpt2:
      break;
  }
  return nullptr;
}

}  // namespace

TokenizerComponents byte_components(BytePreTokenizer rule, bool add_prefix_space) {
  const bool split_is_all = rule == BytePreTokenizer::kLlama3 || rule == BytePreTokenizer::kQwen2;
  const json first = first_splitter(rule);
  const json bytes = {{"type", "ByteLevel"},
                      {"add_prefix_space", add_prefix_space && first.is_null()},
                      {"trim_offsets", true},
                      {"use_regex", !split_is_all}};
  const json splitter =
      first.is_null() ? bytes
                      : json{{"type", "Sequence"}, {"pretokenizers", json::array({first, bytes})}};
  const json decoder = {{"type", "ByteLevel"},
                        {"add_prefix_space", true},
                        {"trim_offsets", true},
                        {"use_regex", true}};
  // Behind another splitter, ByteLevel would put the space in front of each of its pieces.
  const json prefix = {
      {"type", "Replace"}, {"pattern", {{"Regex", R"(\A(?! ))"}}}, {"content", " "}};
  return {.normalizer = add_prefix_space && !first.is_null() ? prefix.dump() : "",
          .pre_tokenizer = splitter.dump(),
          .decoder = decoder.dump()};
}

std::unique_ptr<Tokenizer> make_byte_bpe(ByteBpeParts lists) {
  ByteBpeParts from = with_added_tokens(std::move(lists));
  TokenizerParts parts;
  parts.components = byte_components(from.pre_tokenizer, from.add_prefix_space);
  parts.model = BpeParts{.merges = parse_merges(from.merges, from.frame.source),
                         .unknown = std::move(from.unknown),
                         .fuse_unknown = from.fuse_unknown,
                         .ignore_merges = from.ignore_merges};
  parts.pieces = std::move(from.tokens);
  parts.frame = std::move(from.frame);
  return std::make_unique<PipelineTokenizer>(std::move(parts));
}

}  // namespace blip2
