// The BPE model of SentencePiece (LLaMA): merges over characters; a character without a piece is
// spelt in bytes. Byte-level BPE, whose symbols are bytes, is another (byte_bpe.h).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "blip2/text/merge_table.h"
#include "blip2/text/vocabulary.h"

namespace blip2 {

struct PieceBpeParts {
  std::vector<std::string> merges;  ///< "left right", the first merged first
  std::string unknown;              ///< for what has no piece; "" = that is dropped
  bool fuse_unknown = false;        ///< a run of such characters gives one id
  bool byte_fallback = false;       ///< a character is spelt in pieces such as "<0x0A>" first
  bool ignore_merges = false;  ///< a word that is a piece is that piece, whatever the merges say
};

class PieceBpe {
 public:
  /// `pieces[id]`; "" = no such id. Throws kCorruptData for merges or an unknown piece that the
  /// pieces lack; `source` names the file.
  PieceBpe(PieceBpeParts parts, const std::vector<std::string>& pieces, const std::string& source);

  /// Appends the ids of a word, which is valid UTF-8.
  void encode(std::string_view word, std::vector<int64_t>& ids) const;

  const PieceBpeParts& parts() const { return parts_; }

 private:
  std::vector<uint32_t> symbols_of(std::string_view word) const;
  bool append_bytes(std::string_view character, std::vector<uint32_t>& symbols) const;

  PieceBpeParts parts_;
  PieceMap pieces_;
  MergeTable merges_;
  std::unordered_map<char32_t, uint32_t> characters_;  // pieces of one character
  std::array<int64_t, 256> byte_ids_{};
  int64_t unknown_id_ = -1;
};

}  // namespace blip2
