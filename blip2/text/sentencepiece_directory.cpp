// A SentencePiece model file as Hugging Face's classes T5TokenizerFast and LlamaTokenizerFast
// convert it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "blip2/base/base64.h"
#include "blip2/base/error.h"
#include "blip2/text/tokenizer_files.h"

namespace blip2 {
namespace {

using nlohmann::json;
using Model = SentencePieceModel;

constexpr const char* kMetaspace = "\xe2\x96\x81";  // U+2581, which represents a space

/// The pieces, and the control (special) and user-defined ones as added tokens.
TokenizerParts start_parts(const Model& model, const std::string& source) {
  TokenizerParts parts;
  parts.frame.source = source;
  for (const Model::Piece& piece : model.pieces) {
    const bool control = piece.type == Model::PieceType::kControl;
    if (control || piece.type == Model::PieceType::kUserDefined) {
      AddedToken token;
      token.content = piece.text;
      token.id = static_cast<int64_t>(parts.pieces.size());
      token.special = control;
      parts.frame.added_tokens.push_back(std::move(token));
    }
    parts.pieces.push_back(piece.text);
  }
  return parts;
}

void need_kind(const Model& model, Model::Kind kind, const char* name, const std::string& source) {
  if (model.kind == kind) return;
  fail(ErrorCode::kUnsupported, "{}: expected a model_type {}, found {}", source, name,
       static_cast<int>(model.kind));
}

json metaspace_document(const char* scheme, bool split) {
  return {{"type", "Metaspace"},
          {"replacement", kMetaspace},
          {"prepend_scheme", scheme},
          {"split", split}};
}

json replace_document(const char* from, const char* to) {
  return {{"type", "Replace"}, {"pattern", {{"String", from}}}, {"content", to}};
}

TokenizerComponents llama_components(const LlamaOptions& options) {
  TokenizerComponents components;
  if (options.legacy) {
    json steps = json::array();
    if (options.add_prefix_space) steps.push_back({{"type", "Prepend"}, {"prepend", kMetaspace}});
    steps.push_back(replace_document(" ", kMetaspace));
    components.normalizer = json{{"type", "Sequence"}, {"normalizers", steps}}.dump();
  } else {
    components.pre_tokenizer =
        metaspace_document(options.add_prefix_space ? "first" : "never", false).dump();
  }
  json decoders = {
      replace_document(kMetaspace, " "), {{"type", "ByteFallback"}}, {{"type", "Fuse"}}};
  if (options.add_prefix_space) {
    decoders.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  }
  components.decoder = json{{"type", "Sequence"}, {"decoders", decoders}}.dump();
  return components;
}

}  // namespace

TokenizerParts t5_parts(Model model, const T5Options& options, const std::string& source) {
  need_kind(model, Model::Kind::kUnigram, "1 (Unigram)", source);
  TokenizerParts parts = start_parts(model, source);
  UnigramParts unigram;
  unigram.unknown_id = model.unknown_id;
  for (const Model::Piece& piece : model.pieces) unigram.scores.push_back(piece.score);
  for (int64_t number = options.num_extra_ids; number-- > 0;) {  // the last has the lowest id
    parts.pieces.push_back(extra_id(number));
    unigram.scores.push_back(0);
  }
  parts.model = std::move(unigram);
  json steps = json::array();
  if (!model.charsmap.empty()) {
    steps.push_back(
        {{"type", "Precompiled"}, {"precompiled_charsmap", encode_base64(model.charsmap)}});
  }
  steps.push_back({{"type", "Strip"}, {"strip_left", false}, {"strip_right", true}});
  steps.push_back(
      {{"type", "Replace"}, {"pattern", {{"Regex", " {2,}"}}}, {"content", kMetaspace}});
  parts.components = {.normalizer = json{{"type", "Sequence"}, {"normalizers", steps}}.dump(),
                      .pre_tokenizer = metaspace_document(options.prepend_scheme, true).dump(),
                      .decoder = metaspace_document(options.prepend_scheme, true).dump()};
  const auto end = std::find(parts.pieces.begin(), parts.pieces.end(), "</s>");
  if (end == parts.pieces.end()) {
    fail(ErrorCode::kCorruptData, "{}: expected </s> among {} pieces, found none", source,
         parts.pieces.size());
  }
  parts.frame.suffix_ids = {end - parts.pieces.begin()};
  return parts;
}

TokenizerParts llama_parts(Model model, const LlamaOptions& options, const std::string& source) {
  need_kind(model, Model::Kind::kBpe, "2 (BPE)", source);
  TokenizerParts parts = start_parts(model, source);
  for (size_t id = 0; id < std::min<size_t>(3, model.pieces.size()); ++id) {
    model.pieces[id].score = 0;
  }
  parts.model = BpeParts{.merges = merges_of(model.pieces),
                         .unknown = std::move(model.unknown),
                         .fuse_unknown = true,
                         .byte_fallback = true};
  parts.components = llama_components(options);
  return parts;
}

std::string extra_id(int64_t number) { return fmt::format("<extra_id_{}>", number); }

}  // namespace blip2
