// A SentencePiece model file as Hugging Face's classes T5TokenizerFast and LlamaTokenizerFast
// convert it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/text/tokenizer_files.h"

namespace blip2 {
namespace {

using Model = SentencePieceModel;

/// The pieces, and the control (special) and user-defined ones as added tokens.
SentencePieceParts start_parts(const Model& model, const std::string& source) {
  SentencePieceParts parts;
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

}  // namespace

SentencePieceParts t5_parts(Model model, const T5Options& options, const std::string& source) {
  need_kind(model, Model::Kind::kUnigram, "1 (Unigram)", source);
  SentencePieceParts parts = start_parts(model, source);
  UnigramParts unigram;
  unigram.unknown_id = model.unknown_id;
  for (const Model::Piece& piece : model.pieces) unigram.scores.push_back(piece.score);
  for (int64_t number = options.num_extra_ids; number-- > 0;) {  // the last has the lowest id
    parts.pieces.push_back(extra_id(number));
    unigram.scores.push_back(0);
  }
  parts.model = std::move(unigram);
  if (!model.charsmap.empty()) {
    parts.normalizer.push_back(
        CharsmapStep{std::make_shared<Charsmap>(std::move(model.charsmap), source)});
  }
  parts.normalizer.push_back(StripStep{.left = false, .right = true});
  parts.normalizer.push_back(ReplaceStep{.pattern = ReplaceStep::Pattern::kSeveralSpaces,
                                         .found = {},
                                         .text = std::string(kMetaspace)});
  parts.metaspace = Metaspace{.prepend = options.prepend};
  parts.decoder.drop_first = options.prepend != PrependScheme::kNever;
  const auto end = std::find(parts.pieces.begin(), parts.pieces.end(), "</s>");
  if (end == parts.pieces.end()) {
    fail(ErrorCode::kCorruptData, "{}: expected </s> among {} pieces, found none", source,
         parts.pieces.size());
  }
  parts.frame.suffix_ids = {end - parts.pieces.begin()};
  return parts;
}

SentencePieceParts llama_parts(Model model, const LlamaOptions& options,
                               const std::string& source) {
  need_kind(model, Model::Kind::kBpe, "2 (BPE)", source);
  SentencePieceParts parts = start_parts(model, source);
  for (size_t id = 0; id < std::min<size_t>(3, model.pieces.size()); ++id) {
    model.pieces[id].score = 0;
  }
  parts.model = PieceBpeParts{.merges = merges_of(model.pieces),
                              .unknown = std::move(model.unknown),
                              .fuse_unknown = true,
                              .byte_fallback = true};
  if (options.legacy) {
    if (options.add_prefix_space) parts.normalizer.push_back(PrependStep{std::string(kMetaspace)});
    parts.normalizer.push_back(ReplaceStep{.found = " ", .text = std::string(kMetaspace)});
  } else {
    parts.metaspace = Metaspace{
        .prepend = options.add_prefix_space ? PrependScheme::kFirst : PrependScheme::kNever,
        .split = false};
  }
  parts.decoder = {.kind = PieceDecoder::Kind::kBytes,
                   .strip_spaces = options.add_prefix_space ? 1 : 0};
  return parts;
}

std::string extra_id(int64_t number) { return fmt::format("<extra_id_{}>", number); }

}  // namespace blip2
