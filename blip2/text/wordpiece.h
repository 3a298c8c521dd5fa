// BERT's WordPiece tokenizer. Its words come from bert_words.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "blip2/text/bert_words.h"
#include "blip2/text/tokenizer.h"
#include "blip2/text/tokenizer_frame.h"

namespace blip2 {

/// What a WordPiece tokenizer is made of. A token such as "[DEC]" is added through
/// `frame.added_tokens`: the next free id, 30522 after BERT's own.
struct WordPieceParts {
  std::vector<std::string> pieces;  ///< the model's own, pieces[id]; "" = no such id
  TokenizerFrameParts frame;
  BertNormalization normalization;
  std::string unknown = "[UNK]";
  std::string continuation = "##";    ///< starts every piece that is not at the start of a word
  int64_t max_word_characters = 100;  ///< a longer word is unknown
  bool clean_up = true;               ///< decoding takes out spaces before punctuation
};

class WordPiece final : public Tokenizer {
 public:
  /// Throws kCorruptData for duplicates, ids out of range, or a missing unknown token.
  explicit WordPiece(WordPieceParts parts);

  std::vector<int64_t> encode(std::string_view text,
                              Specials specials = Specials::kWith) const override;
  std::string decode(std::span<const int64_t> ids,
                     Specials specials = Specials::kWithout) const override;
  const Vocabulary& vocabulary() const override { return frame_.vocabulary(); }
  void save(const std::filesystem::path& directory) const override;  // tokenizer_save.cpp

 private:
  void encode_word(std::string_view word, std::vector<int64_t>& ids) const;

  WordPieceParts parts_;  // except pieces and frame, which have moved into frame_
  TokenizerFrame frame_;
  PieceMap starts_;         // pieces that may start a word
  PieceMap continuations_;  // pieces that may go on, without their prefix
  size_t longest_bytes_ = 0;
  int64_t unknown_id_ = -1;
};

}  // namespace blip2
