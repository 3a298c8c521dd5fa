// Added tokens ("[SEP]", "<|im_start|>"): cut out of the text before the model proper sees the
// rest.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "blip2/text/vocabulary.h"

namespace blip2 {

/// One added token, with the fields of Hugging Face's files.
struct AddedToken {
  std::string content;
  int64_t id = -1;           ///< -1 = that of `content` in the vocabulary, else the next free one
  bool special = true;       ///< left out of decoded text
  bool single_word = false;  ///< matches only between characters that are not \w
  bool lstrip = false;       ///< swallows white space on its left
  bool rstrip = false;       ///< swallows white space on its right
  bool normalized = false;   ///< matches the normalised text, not the raw one
};

/// A stretch of text: ordinary (id -1), or an added token. `text` points into what was split.
struct TextSegment {
  std::string_view text;
  int64_t id = -1;
};

/// Finds added tokens: the leftmost first, of those the longest, as the reference does.
class AddedTokenMatcher {
 public:
  AddedTokenMatcher() = default;
  /// `tokens` with their ids set. Throws kCorruptData for contents longer than kMaxBytes.
  AddedTokenMatcher(const std::vector<AddedToken>& tokens, const std::string& source);

  /// Cuts valid UTF-8 `text` into segments, none of them empty except for a swallowed token.
  std::vector<TextSegment> split(std::string_view text) const;

  static constexpr size_t kMaxBytes = 1024;

 private:
  const AddedToken* match(std::string_view rest) const;

  std::unordered_map<std::string, AddedToken, StringHash, std::equal_to<>> tokens_;
  std::vector<size_t> lengths_;  // of the contents, longest first
  std::array<bool, 256> starts_{};
};

}  // namespace blip2
