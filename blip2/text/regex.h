// Regular expressions as tokenizer.json files hold them: by Oniguruma, the library that the
// reference uses, with the reference's edition of Unicode for \p{...}.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace blip2 {

/// A stretch of a text, in bytes.
struct TextRange {
  size_t start = 0, stop = 0;
};

/// A compiled expression. Any threads may share one.
class Regex {
 public:
  /// Throws kUnsupported for an expression that the library refuses; `source` names the file.
  Regex(const std::string& pattern, const std::string& source);

  /// The matches in valid UTF-8 text, from left to right; an empty one is taken unless it follows
  /// another match immediately. Throws kInvalidArgument where the library gives up.
  std::vector<TextRange> matches(std::string_view text) const;

  const std::string& pattern() const { return pattern_; }

 private:
  struct Compiled;
  std::string pattern_;
  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace blip2
