// The character map of a SentencePiece model ("precompiled_charsmap"): which characters and short
// sequences become which text before pieces are looked up. As the reference's normalizer
// `Precompiled` applies it, which is not quite as SentencePiece does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace blip2 {

/// The bytes: a 32-bit length, a double-array trie of that many bytes over the UTF-8 of what is
/// replaced, and the replacements, each ended by a NUL. All numbers are little-endian.
class Charsmap {
 public:
  /// Throws kCorruptData for lengths, nodes or replacements that are not what they must be; a cycle
  /// in the trie among them. `source` names the file in messages.
  Charsmap(std::string bytes, const std::string& source);

  /// The text with each grapheme cluster of fewer than 6 bytes that starts with an entry of the map
  /// replaced as a whole (by the shortest such entry), and every other character by itself.
  std::string normalize(std::string_view text) const;

  const std::string& bytes() const { return bytes_; }

 private:
  /// The replacement of the shortest entry that `text` starts with.
  std::optional<std::string_view> find(std::string_view text) const;
  std::string_view replacements() const {
    return std::string_view(bytes_).substr(4 + 4 * units_.size());
  }
  void check_trie(const std::string& source) const;
  void check_node(size_t node, const std::string& source) const;

  std::string bytes_;
  std::vector<uint32_t> units_;
};

}  // namespace blip2
