// The pre-tokenizers' regular expressions, written out as loops over characters.
#include "blip2/text/byte_words.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"
#include "blip2/base/utf8.h"
#include "blip2/text/unicode_classes.h"

namespace blip2 {
namespace {

/// A place in the text, with its character and that character's class.
struct Cursor {
  std::string_view text;
  size_t here = 0;
  size_t next = 0;
  char32_t character = 0;
  CharacterClass kind = CharacterClass::kOther;

  Cursor(std::string_view whole, size_t position) : text(whole), here(position) { look(); }
  bool at_end() const { return here == text.size(); }
  bool is(CharacterClass wanted) const { return !at_end() && kind == wanted; }
  bool is_line_end() const { return !at_end() && (character == U'\r' || character == U'\n'); }
  void advance() {
    here = next;
    look();
  }
  void skip(CharacterClass wanted) {
    while (is(wanted)) advance();
  }

 private:
  void look() {
    next = here;
    if (at_end()) return;
    character = next_code_point(text, next);
    kind = character_class(character);
  }
};

/// 's 't 're 've 'm 'll 'd at `position`: where it ends, or `position`. Folding case, as LLaMA 3
/// asks, takes U+017F for an s too.
size_t end_of_contraction(std::string_view text, size_t position, bool fold_case) {
  if (text[position] != '\'') return position;
  std::string letters;
  size_t end = position + 1;
  for (int i = 0; i < 2 && end < text.size(); ++i) {
    char32_t c = next_code_point(text, end);
    if (fold_case && c == 0x17f) c = U's';
    if (fold_case && c >= U'A' && c <= U'Z') c += U'a' - U'A';
    letters.push_back(c < 0x80 ? static_cast<char>(c) : '\0');
    if (i == 0 && (c == U's' || c == U't' || c == U'm' || c == U'd')) return end;
  }
  return letters == "re" || letters == "ve" || letters == "ll" ? end : position;
}

/// \s+(?!\S)|\s+ : white space up to the text's end, or all but its last character, which may
/// belong to the next word; a single one is a word of its own.
size_t end_of_spaces(Cursor cursor) {
  const size_t start = cursor.here;
  size_t last = start;
  while (cursor.is(CharacterClass::kSpace)) {
    last = cursor.here;
    cursor.advance();
  }
  return cursor.at_end() || last == start ? cursor.here : last;
}

size_t end_of_gpt2_word(std::string_view text, size_t position) {
  const size_t contraction = end_of_contraction(text, position, false);
  if (contraction != position) return contraction;
  Cursor cursor(text, position);
  if (cursor.character == U' ') cursor.advance();
  if (cursor.at_end() || cursor.kind == CharacterClass::kSpace) {
    return end_of_spaces(Cursor(text, position));
  }
  cursor.skip(cursor.kind);
  return cursor.here;
}

/// `most_digits`: in a word, 3 for LLaMA 3 and 1 for Qwen2.
size_t end_of_llama3_word(std::string_view text, size_t position, int most_digits) {
  const size_t contraction = end_of_contraction(text, position, true);
  if (contraction != position) return contraction;
  Cursor cursor(text, position);
  if (cursor.kind == CharacterClass::kNumber) {
    for (int i = 0; i < most_digits && cursor.is(CharacterClass::kNumber); ++i) cursor.advance();
    return cursor.here;
  }
  if (cursor.kind != CharacterClass::kLetter && !cursor.is_line_end()) cursor.advance();
  if (cursor.is(CharacterClass::kLetter)) {
    cursor.skip(CharacterClass::kLetter);
    return cursor.here;
  }
  cursor = Cursor(text, position);
  if (cursor.character == U' ') cursor.advance();
  if (cursor.is(CharacterClass::kOther)) {
    cursor.skip(CharacterClass::kOther);
    while (cursor.is_line_end()) cursor.advance();
    return cursor.here;
  }
  size_t line_end = position;  // behind the last line end in this white space
  for (cursor = Cursor(text, position); cursor.is(CharacterClass::kSpace); cursor.advance()) {
    if (cursor.is_line_end()) line_end = cursor.next;
  }
  return line_end != position ? line_end : end_of_spaces(Cursor(text, position));
}

/// Where a word of CLIP's ends; `position` where there is none, only white space.
size_t end_of_clip_word(std::string_view text, size_t position) {
  const size_t contraction = end_of_contraction(text, position, false);
  if (contraction != position) return contraction;
  Cursor cursor(text, position);
  if (cursor.kind == CharacterClass::kSpace) return position;
  if (cursor.kind == CharacterClass::kNumber) return cursor.next;
  cursor.skip(cursor.kind);
  return cursor.here;
}

void append_llama3_words(std::string_view text, int most_digits,
                         std::vector<std::string_view>& words) {
  for (size_t start = 0; start < text.size();) {
    const size_t stop = end_of_llama3_word(text, start, most_digits);
    words.push_back(text.substr(start, stop - start));
    start = stop;
  }
}

void append_gpt2_words(std::string_view text, std::vector<std::string_view>& words) {
  for (size_t start = 0; start < text.size();) {
    const size_t stop = end_of_gpt2_word(text, start);
    words.push_back(text.substr(start, stop - start));
    start = stop;
  }
}

std::array<char32_t, 256> make_byte_characters() {
  std::array<char32_t, 256> characters;
  char32_t next = 0x100;
  for (char32_t byte = 0; byte < characters.size(); ++byte) {
    const bool printable =
        (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    characters[byte] = printable ? byte : next++;
  }
  return characters;
}

const std::array<char32_t, 256>& byte_characters() {
  static const std::array<char32_t, 256> characters = make_byte_characters();
  return characters;
}

}  // namespace

const char* const kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
const char* const kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";
const char* const kQwen2Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";
const char* const kClipPattern = R"('s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+)";

std::optional<BytePreTokenizer> known_byte_pattern(std::string_view pattern) {
  if (pattern == kGpt2Pattern) return BytePreTokenizer::kGpt2;
  if (pattern == kLlama3Pattern) return BytePreTokenizer::kLlama3;
  if (pattern == kQwen2Pattern) return BytePreTokenizer::kQwen2;
  if (pattern == kClipPattern) return BytePreTokenizer::kClip;
  return std::nullopt;
}

BytePreTokenizer parse_byte_pre_tokenizer(std::string_view name, const std::string& source) {
  if (name == "gpt-2" || name == "gpt2") return BytePreTokenizer::kGpt2;
  if (name == "smollm") return BytePreTokenizer::kSmolLm;
  if (name == "llama-bpe" || name == "llama3" || name == "llama-v3")
    return BytePreTokenizer::kLlama3;
  fail(ErrorCode::kUnsupported,
       "{}: pre-tokenizer: expected \"gpt-2\", \"smollm\" or \"llama-bpe\", found {}", source,
       quote(name));
}

std::vector<std::string_view> split_byte_words(std::string_view text, BytePreTokenizer rule) {
  std::vector<std::string_view> words;
  words.reserve(text.size() / 4);
  switch (rule) {
    case BytePreTokenizer::kGpt2:
      append_gpt2_words(text, words);
      break;
    case BytePreTokenizer::kSmolLm: {
      size_t start = 0;
      for (Cursor cursor(text, 0); !cursor.at_end(); cursor.advance()) {
        if (cursor.kind != CharacterClass::kNumber) continue;
        append_gpt2_words(text.substr(start, cursor.here - start), words);
        words.push_back(text.substr(cursor.here, cursor.next - cursor.here));
        start = cursor.next;
      }
      append_gpt2_words(text.substr(start), words);
      break;
    }
    case BytePreTokenizer::kLlama3:
      append_llama3_words(text, 3, words);
      break;
    case BytePreTokenizer::kQwen2:
      append_llama3_words(text, 1, words);
      break;
    case BytePreTokenizer::kClip:
      for (size_t start = 0; start < text.size();) {
        size_t stop = end_of_clip_word(text, start);
        if (stop != start) {
          words.push_back(text.substr(start, stop - start));
        } else {
          next_code_point(text, stop);
        }
        start = stop;
      }
      break;
  }
  return words;
}

char32_t byte_character(uint8_t byte) { return byte_characters()[byte]; }

std::optional<uint8_t> character_byte(char32_t character) {
  static const std::array<int16_t, 0x144> bytes = [] {
    std::array<int16_t, 0x144> table;
    table.fill(-1);
    for (int byte = 0; byte < 256; ++byte) {
      table[byte_characters()[static_cast<size_t>(byte)]] = static_cast<int16_t>(byte);
    }
    return table;
  }();
  if (character >= bytes.size() || bytes[character] < 0) return std::nullopt;
  return static_cast<uint8_t>(bytes[character]);
}

}  // namespace blip2
