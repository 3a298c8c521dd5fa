// The longest piece first, from the start of each word.
#include "blip2/text/wordpiece.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"
#include "blip2/base/utf8.h"

namespace blip2 {

WordPiece::WordPiece(WordPieceParts parts, const std::vector<std::string>& pieces,
                     const std::string& source)
    : parts_(std::move(parts)), starts_(ids_by_piece(pieces)) {
  const auto unknown = starts_.find(parts_.unknown);
  if (unknown == starts_.end()) {
    fail(ErrorCode::kCorruptData, "{}: expected the unknown token {} in the vocabulary", source,
         quote(parts_.unknown));
  }
  unknown_id_ = unknown->second;
  for (const auto& [piece, id] : starts_) {
    longest_bytes_ = std::max(longest_bytes_, piece.size());
    if (piece.starts_with(parts_.continuation)) {
      continuations_.emplace(piece.substr(parts_.continuation.size()), id);
    }
  }
}

void WordPiece::encode(std::string_view word, std::vector<int64_t>& ids) const {
  const auto characters = static_cast<int64_t>(num_code_points(word));
  if (characters > parts_.max_word_characters) {
    ids.push_back(unknown_id_);
    return;
  }
  const size_t first = ids.size();
  for (size_t start = 0; start < word.size();) {
    const PieceMap& pieces = start == 0 ? starts_ : continuations_;
    size_t stop = std::min(word.size(), start + longest_bytes_);
    int64_t id = -1;
    for (; stop > start; --stop) {
      if (stop < word.size() && is_utf8_continuation(word[stop])) continue;
      const auto found = pieces.find(word.substr(start, stop - start));
      if (found == pieces.end()) continue;
      id = found->second;
      break;
    }
    if (id < 0) {  // one part without a piece makes the whole word unknown
      ids.resize(first);
      ids.push_back(unknown_id_);
      return;
    }
    ids.push_back(id);
    start = stop;
  }
}

}  // namespace blip2
