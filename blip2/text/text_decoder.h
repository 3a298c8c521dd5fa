// The decoders of tokenizer.json: from a list of tokens back to text, step by step.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "blip2/text/text_pattern.h"

namespace blip2 {

/// The bytes that characters of GPT-2's alphabet represent, all tokens together; ill-formed UTF-8
/// becomes U+FFFD.
struct ByteLevelDecode {};
/// A space in front of each token but the first, unless it starts with `prefix`, which goes.
struct WordPieceDecode {
  std::string prefix = "##";
  bool clean_up = true;  ///< also takes out spaces before punctuation
};
/// The replacement of spaces as a space, except in the first token where `drop_first`.
struct MetaspaceDecode {
  char32_t replacement = 0x2581;
  bool drop_first = true;
};
/// A suffix that ends words as a space, except in the last token.
struct SuffixDecode {
  std::string suffix = "</w>";
};
/// Equal neighbours are one; without the padding token.
struct CtcDecode {
  std::string pad_token = "<pad>";
  std::string word_delimiter = "|";
  bool clean_up = true;
};
struct ReplaceDecode {
  std::shared_ptr<const TextPattern> pattern;
  std::string text;
};
/// Takes up to `start` and `stop` of a character off the ends of each token.
struct StripDecode {
  char32_t content = U' ';
  int64_t start = 0, stop = 0;
};
/// Tokens such as "<0x0A>" as bytes; a run that is not UTF-8 gives one U+FFFD a byte.
struct ByteFallbackDecode {};
/// Makes all tokens one.
struct FuseDecode {};

using DecoderStep =
    std::variant<ByteLevelDecode, WordPieceDecode, MetaspaceDecode, SuffixDecode, CtcDecode,
                 ReplaceDecode, StripDecode, ByteFallbackDecode, FuseDecode>;
using DecoderSteps = std::vector<DecoderStep>;

/// The text of tokens after all steps in their order.
std::string decode_tokens(const DecoderSteps& steps, std::vector<std::string> tokens);

/// "<0x0A>" for 10.
std::string byte_piece(uint8_t byte);
/// The byte that a piece represents, if any.
std::optional<uint8_t> piece_byte(std::string_view piece);

}  // namespace blip2
