// The pre-tokenizers of byte-level BPE: how text is cut into words before bytes are merged. The
// published regular expressions, spelt out by hand; and GPT-2's alphabet, which writes bytes as
// printable characters.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace blip2 {

enum class BytePreTokenizer {
  kGpt2,    ///< GPT-2, OPT: contractions, words, numbers, other runs, each with one space in front
  kSmolLm,  ///< every digit by itself, then GPT-2's rule on what is between
  kLlama3,  ///< numbers of up to 3 digits, any one character in front of a word, lines end words
  kQwen2,   ///< as kLlama3, but every digit by itself
  kClip     ///< contractions, words, single digits, other runs; white space is not a word
};

/// By a GGUF's name (`tokenizer.ggml.pre`): "gpt-2", "smollm", "llama-bpe" and their other
/// spellings. Throws kUnsupported for others; `source` names the file.
BytePreTokenizer parse_byte_pre_tokenizer(std::string_view name, const std::string& source);

/// The expressions of GPT-2, LLaMA 3, Qwen2 and CLIP, as tokenizer.json files give them.
extern const char* const kGpt2Pattern;
extern const char* const kLlama3Pattern;
extern const char* const kQwen2Pattern;
extern const char* const kClipPattern;

/// The rule that equals an expression, if it is one of these.
std::optional<BytePreTokenizer> known_byte_pattern(std::string_view pattern);

/// The words of valid UTF-8 text: all of it except what kClip leaves out, in order, pointing into
/// `text`.
std::vector<std::string_view> split_byte_words(std::string_view text, BytePreTokenizer rule);

/// The character that represents a byte in pieces: itself if printable, else U+0100 and up.
char32_t byte_character(uint8_t byte);
/// The byte that a character represents, if any.
std::optional<uint8_t> character_byte(char32_t character);

}  // namespace blip2
