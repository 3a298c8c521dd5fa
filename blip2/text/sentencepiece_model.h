// The model file of SentencePiece (`spiece.model`, `tokenizer.model`): a protocol buffer, of which
// this reads what a tokenizer needs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "blip2/text/merge_list.h"

namespace blip2 {

struct SentencePieceModel {
  enum class PieceType { kNormal = 1, kUnknown, kControl, kUserDefined, kUnused, kByte };
  struct Piece {
    std::string text;
    float score = 0;
    PieceType type = PieceType::kNormal;
  };
  enum class Kind { kUnigram = 1, kBpe, kWord, kCharacter };

  std::vector<Piece> pieces;
  Kind kind = Kind::kUnigram;
  int64_t unknown_id = 0;
  std::string unknown = "<unk>";
  std::string charsmap;  ///< empty = text is not normalised
};

/// Reads such a file. Throws kCorruptData for bytes that are no such model, naming the place and
/// the field; kNotFound.
SentencePieceModel read_sentencepiece_model(const std::filesystem::path& path);
/// The same from bytes; `source` names the file.
SentencePieceModel parse_sentencepiece_model(std::string_view bytes, const std::string& source);

/// The merges (the first merged first) that the pieces of a BPE model imply, in the
/// order of Hugging Face's conversion: by the score of the whole, then longer left parts first,
/// then longer right parts.
std::vector<MergePair> merges_of(const std::vector<SentencePieceModel::Piece>& pieces);

}  // namespace blip2
