// The pattern of a `Split` or a `Replace` in tokenizer.json: a plain text, or a regular expression.
// The best-known expressions run as hand-written loops (byte_words.h), the others by regex.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "blip2/text/byte_words.h"
#include "blip2/text/regex.h"

namespace blip2 {

class TextPattern {
 public:
  /// What is looked for as it is written.
  struct Literal {
    std::string text;
  };
  /// A regular expression.
  struct Expression {
    std::string text;
  };
  /// Throws kUnsupported for an expression that Oniguruma refuses; `source` names the file.
  TextPattern(Literal literal, const std::string& source);
  TextPattern(const Expression& expression, const std::string& source);

  /// The matches in valid UTF-8 text, in order.
  std::vector<TextRange> matches(std::string_view text) const;

 private:
  std::string literal_;                    // not empty: what is looked for
  std::optional<BytePreTokenizer> known_;  // else one of these
  std::optional<Regex> regex_;             // else this
};

}  // namespace blip2
