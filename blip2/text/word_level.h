// The WordLevel model: every word has an id of its own, or is unknown.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "blip2/text/vocabulary.h"

namespace blip2 {

struct WordLevelParts {
  std::string unknown = "<unk>";
};

class WordLevel {
 public:
  /// `pieces[id]`; "" = no such id.
  WordLevel(WordLevelParts parts, const std::vector<std::string>& pieces)
      : parts_(std::move(parts)), pieces_(ids_by_piece(pieces)) {}

  /// Appends the id of a word. Throws kInvalidArgument for an unknown one where the vocabulary has
  /// no unknown token.
  void encode(std::string_view word, std::vector<int64_t>& ids) const;

  const WordLevelParts& parts() const { return parts_; }

 private:
  WordLevelParts parts_;
  PieceMap pieces_;
};

}  // namespace blip2
