// The BPE model: merges over the characters of a word. The characters may represent bytes
// (byte_words.h); a character without a piece may be spelt in bytes.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "blip2/text/merge_list.h"
#include "blip2/text/merge_table.h"
#include "blip2/text/vocabulary.h"

namespace blip2 {

struct BpeParts {
  std::vector<MergePair> merges;  ///< the first merged first
  std::string unknown = {};       ///< for what has no piece; "" = that is dropped
  bool fuse_unknown = false;      ///< a run of such characters gives one id
  bool byte_fallback = false;     ///< a character is spelt in pieces such as "<0x0A>" first
  bool ignore_merges = false;     ///< a word that is a piece is that piece, whatever the merges say
  std::string continuation = {};  ///< starts every character's piece except the word's first
  std::string end_of_word = {};   ///< ends the piece of the word's last character (CLIP's "</w>")
};

class Bpe {
 public:
  /// `pieces[id]`; "" = no such id. Throws kCorruptData for merges or an unknown piece that the
  /// pieces lack; `source` names the file.
  Bpe(BpeParts parts, const std::vector<std::string>& pieces, const std::string& source);

  /// Appends the ids of a word, which is valid UTF-8.
  void encode(std::string_view word, std::vector<int64_t>& ids) const;

  /// The same for bytes that GPT-2's alphabet would write as characters; faster, and not offered
  /// with `byte_fallback` or a `continuation`.
  void encode_bytes(std::string_view word, std::vector<int64_t>& ids) const;
  bool reads_bytes() const { return !parts_.byte_fallback && parts_.continuation.empty(); }

  const BpeParts& parts() const { return parts_; }

 private:
  int64_t find(std::string_view piece) const;
  std::vector<uint32_t> symbols_of(std::string_view word) const;
  bool append_spelling(std::string_view character, std::vector<uint32_t>& symbols) const;

  BpeParts parts_;
  PieceMap pieces_;
  MergeTable merges_;
  std::array<int64_t, 256> spelling_ids_{};   // of "<0x0A>" and the like
  std::array<int64_t, 256> byte_ids_{};       // of characters of the alphabet
  std::array<int64_t, 256> last_byte_ids_{};  // the same at the end of a word
  int64_t unknown_id_ = -1;
};

}  // namespace blip2
