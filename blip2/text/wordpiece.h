// The WordPiece model of BERT: the longest piece first, from the start of each word.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "blip2/text/vocabulary.h"

namespace blip2 {

struct WordPieceParts {
  std::string unknown = "[UNK]";
  std::string continuation = "##";    ///< starts every piece that is not at the start of a word
  int64_t max_word_characters = 100;  ///< a longer word is unknown
};

class WordPiece {
 public:
  /// `pieces[id]`; "" = no such id. Throws kCorruptData for a missing unknown token; `source` names
  /// the file.
  WordPiece(WordPieceParts parts, const std::vector<std::string>& pieces,
            const std::string& source);

  /// Appends the ids of a word, which is valid UTF-8.
  void encode(std::string_view word, std::vector<int64_t>& ids) const;

  const WordPieceParts& parts() const { return parts_; }

 private:
  WordPieceParts parts_;
  PieceMap starts_;         // pieces that may start a word
  PieceMap continuations_;  // pieces that may go on, without their prefix
  size_t longest_bytes_ = 0;
  int64_t unknown_id_ = -1;
};

}  // namespace blip2
