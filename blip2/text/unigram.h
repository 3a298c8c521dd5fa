// The Unigram model of SentencePiece (T5): of all ways to cut a word into pieces, the one with the
// highest sum of scores.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "blip2/text/merge_table.h"
#include "blip2/text/vocabulary.h"

namespace blip2 {

struct UnigramParts {
  std::vector<double> scores;  ///< scores[id]: logarithms of probabilities, all finite
  int64_t unknown_id = -1;     ///< what has no piece; -1 = such text is refused
  bool byte_fallback = false;  ///< what has no piece is spelt in pieces such as "<0x0A>"
};

class Unigram {
 public:
  /// `pieces[id]`; "" = no such id. Throws kCorruptData where pieces and scores do not fit
  /// together; `source` names the file.
  Unigram(UnigramParts parts, const std::vector<std::string>& pieces, const std::string& source);

  /// Appends the ids of a word, which is valid UTF-8. Neighbours without a piece are one unknown.
  void encode(std::string_view word, std::vector<int64_t>& ids) const;

  const UnigramParts& parts() const { return parts_; }

 private:
  // The best way to the end of a stretch: its last piece and the sum of scores.
  struct Node {
    double score = 0;
    size_t start = kNone;
    int64_t id = -1;
  };
  static constexpr size_t kNone = ~size_t{0};

  void add_to_trie(std::string_view piece, int64_t id);
  void extend_paths(std::string_view word, size_t start, std::vector<Node>& best) const;
  int64_t find(std::string_view piece) const;
  void append_unknown(std::string_view text, std::vector<int64_t>& ids) const;

  UnigramParts parts_;
  double unknown_score_ = 0;
  MergeTable children_;            // a trie: (node, byte) to node
  std::vector<int64_t> node_ids_;  // the piece that ends at a node, -1 for none
  std::array<int64_t, 256> byte_ids_{};
};

}  // namespace blip2
