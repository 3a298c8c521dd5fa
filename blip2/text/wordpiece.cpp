// The longest piece first, from the start of each word.
#include "blip2/text/wordpiece.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"
#include "blip2/base/utf8.h"

namespace blip2 {
namespace {

/// What the reference's decoder does to each piece, with the space already in front of it.
void clean_up_piece(std::string& piece) {
  for (const char* mark : {".", "?", "!", ","}) replace_all(piece, std::string(" ") + mark, mark);
  replace_all(piece, " ' ", "'");
  for (const char* ending : {"n't", "'m"}) replace_all(piece, std::string(" ") + ending, ending);
  replace_all(piece, " do not", " don't");
  for (const char* ending : {"'s", "'ve", "'re"}) {
    replace_all(piece, std::string(" ") + ending, ending);
  }
}

}  // namespace

WordPiece::WordPiece(WordPieceParts parts)
    : parts_(std::move(parts)),
      frame_(std::move(parts_.frame), std::move(parts_.pieces),
             [options = parts_.normalization](std::string_view text) {
               return normalize_bert(text, options);
             }) {
  const std::string& source = frame_.parts().source;
  unknown_id_ = vocabulary().id(parts_.unknown);
  if (unknown_id_ < 0 || unknown_id_ >= frame_.num_model_pieces()) {
    fail(ErrorCode::kCorruptData, "{}: expected the unknown token {} in the vocabulary", source,
         quote(parts_.unknown));
  }
  if (parts_.max_word_characters < 1 || parts_.continuation.empty()) {
    fail(ErrorCode::kUnsupported,
         "{}: WordPiece: expected a continuation prefix and words of 1 character or more, found "
         "{} and {}",
         source, quote(parts_.continuation), parts_.max_word_characters);
  }
  for (int64_t id = 0; id < frame_.num_model_pieces(); ++id) {
    const std::string& piece = vocabulary().piece(id);
    if (piece.empty()) continue;
    starts_.emplace(piece, id);
    longest_bytes_ = std::max(longest_bytes_, piece.size());
    if (piece.starts_with(parts_.continuation)) {
      continuations_.emplace(piece.substr(parts_.continuation.size()), id);
    }
  }
}

std::vector<int64_t> WordPiece::encode(std::string_view text, Specials specials) const {
  const auto encode_stretch = [this](const TextStretch& words, std::vector<int64_t>& ids) {
    for (const std::string_view word : split_bert_words(words.text)) encode_word(word, ids);
  };
  return frame_.encode(text, specials, encode_stretch);
}

void WordPiece::encode_word(std::string_view word, std::vector<int64_t>& ids) const {
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

std::string WordPiece::decode(std::span<const int64_t> ids, Specials specials) const {
  std::string text;
  bool first = true;
  for (const int64_t id : frame_.visible(ids, specials)) {
    std::string piece = vocabulary().piece(id);
    if (!first) {
      if (piece.starts_with(parts_.continuation)) {
        piece.erase(0, parts_.continuation.size());
      } else {
        piece.insert(piece.begin(), ' ');
      }
    }
    first = false;
    if (parts_.clean_up) clean_up_piece(piece);
    text += piece;
  }
  return frame_.finish(std::move(text));
}

}  // namespace blip2
