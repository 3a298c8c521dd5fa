// Merges over characters, with bytes for what has no piece.
#include "blip2/text/bpe.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"
#include "blip2/base/utf8.h"
#include "blip2/text/byte_words.h"
#include "blip2/text/text_decoder.h"

namespace blip2 {

Bpe::Bpe(BpeParts parts, const std::vector<std::string>& pieces, const std::string& source)
    : parts_(std::move(parts)),
      pieces_(ids_by_piece(pieces)),
      merges_(read_merge_list(
          parts_.merges, parts_.continuation.size(),
          [this](std::string_view piece) { return find(piece); }, source)) {
  for (size_t byte = 0; byte < byte_ids_.size(); ++byte) {
    spelling_ids_[byte] = find(byte_piece(static_cast<uint8_t>(byte)));
    std::string character;
    append_utf8(character, byte_character(static_cast<uint8_t>(byte)));
    byte_ids_[byte] = find(character);
    last_byte_ids_[byte] = find(character + parts_.end_of_word);
  }
  if (parts_.unknown.empty()) return;
  unknown_id_ = find(parts_.unknown);
  if (unknown_id_ < 0) {
    fail(ErrorCode::kCorruptData, "{}: expected the unknown token {} in the vocabulary", source,
         quote(parts_.unknown));
  }
}

int64_t Bpe::find(std::string_view piece) const {
  const auto found = pieces_.find(piece);
  return found == pieces_.end() ? -1 : found->second;
}

void Bpe::encode(std::string_view word, std::vector<int64_t>& ids) const {
  if (parts_.ignore_merges) {
    if (const int64_t id = find(word); id >= 0) {
      ids.push_back(id);
      return;
    }
  }
  std::vector<uint32_t> symbols = symbols_of(word);
  merges_.apply(symbols);
  ids.insert(ids.end(), symbols.begin(), symbols.end());
}

std::vector<uint32_t> Bpe::symbols_of(std::string_view word) const {
  std::vector<uint32_t> symbols;
  symbols.reserve(word.size());
  // An unknown waits for the next known character, and is overtaken by bytes: so the reference.
  bool waiting = false;
  const auto put_waiting = [&] {
    if (waiting) symbols.push_back(static_cast<uint32_t>(unknown_id_));
  };
  std::string decorated;
  for (size_t position = 0; position < word.size();) {
    const size_t start = position;
    next_code_point(word, position);
    std::string_view character = word.substr(start, position - start);
    const bool has_prefix = start > 0 && !parts_.continuation.empty();
    const bool has_suffix = position == word.size() && !parts_.end_of_word.empty();
    if (has_prefix || has_suffix) {
      decorated = has_prefix ? parts_.continuation : "";
      decorated += character;
      if (has_suffix) decorated += parts_.end_of_word;
      character = decorated;
    }
    if (const int64_t id = find(character); id >= 0) {
      put_waiting();
      waiting = false;
      symbols.push_back(static_cast<uint32_t>(id));
      continue;
    }
    if (parts_.byte_fallback && append_spelling(character, symbols)) continue;
    if (unknown_id_ < 0) continue;
    if (!parts_.fuse_unknown) put_waiting();
    waiting = true;
  }
  put_waiting();
  return symbols;
}

/// Spells a character in bytes if all of them have pieces.
bool Bpe::append_spelling(std::string_view character, std::vector<uint32_t>& symbols) const {
  const size_t before = symbols.size();
  for (const char byte : character) {
    const int64_t id = spelling_ids_[static_cast<uint8_t>(byte)];
    if (id < 0) {
      symbols.resize(before);
      return false;
    }
    symbols.push_back(static_cast<uint32_t>(id));
  }
  return true;
}

void Bpe::encode_bytes(std::string_view word, std::vector<int64_t>& ids) const {
  if (parts_.ignore_merges) {
    std::string piece;
    for (const char byte : word) append_utf8(piece, byte_character(static_cast<uint8_t>(byte)));
    if (const int64_t id = find(piece); id >= 0) {
      ids.push_back(id);
      return;
    }
  }
  std::vector<uint32_t> symbols;
  symbols.reserve(word.size());
  bool after_unknown = false;
  for (size_t i = 0; i < word.size(); ++i) {
    const auto& byte_ids = i + 1 == word.size() ? last_byte_ids_ : byte_ids_;
    const int64_t id = byte_ids[static_cast<uint8_t>(word[i])];
    if (id >= 0) {
      symbols.push_back(static_cast<uint32_t>(id));
    } else if (unknown_id_ >= 0 && !(parts_.fuse_unknown && after_unknown)) {
      symbols.push_back(static_cast<uint32_t>(unknown_id_));
    }
    after_unknown = id < 0;
  }
  merges_.apply(symbols);
  ids.insert(ids.end(), symbols.begin(), symbols.end());
}

}  // namespace blip2
