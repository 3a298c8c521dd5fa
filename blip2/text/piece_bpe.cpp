// Merges over characters, with bytes for what has no piece.
#include "blip2/text/piece_bpe.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"
#include "blip2/base/utf8.h"
#include "blip2/text/merge_list.h"
#include "blip2/text/piece_decoder.h"

namespace blip2 {
namespace {

PieceMap ids_by_piece(const std::vector<std::string>& pieces) {
  PieceMap ids;
  ids.reserve(pieces.size());
  for (size_t id = 0; id < pieces.size(); ++id) {
    if (!pieces[id].empty()) ids.emplace(pieces[id], static_cast<int64_t>(id));
  }
  return ids;
}

int64_t find(const PieceMap& ids, std::string_view piece) {
  const auto found = ids.find(piece);
  return found == ids.end() ? -1 : found->second;
}

}  // namespace

PieceBpe::PieceBpe(PieceBpeParts parts, const std::vector<std::string>& pieces,
                   const std::string& source)
    : parts_(std::move(parts)),
      pieces_(ids_by_piece(pieces)),
      merges_(read_merge_list(
          parts_.merges, [this](std::string_view piece) { return find(pieces_, piece); }, source)) {
  for (const auto& [piece, id] : pieces_) {
    if (!is_valid_utf8(piece)) continue;  // refused with the vocabulary
    size_t end = 0;
    const char32_t character = next_code_point(piece, end);
    if (end == piece.size()) characters_.emplace(character, static_cast<uint32_t>(id));
  }
  for (size_t byte = 0; byte < byte_ids_.size(); ++byte) {
    byte_ids_[byte] = find(pieces_, byte_piece(static_cast<uint8_t>(byte)));
  }
  if (parts_.unknown.empty()) return;
  unknown_id_ = find(pieces_, parts_.unknown);
  if (unknown_id_ < 0) {
    fail(ErrorCode::kCorruptData, "{}: expected the unknown token {} in the vocabulary", source,
         quote(parts_.unknown));
  }
}

void PieceBpe::encode(std::string_view word, std::vector<int64_t>& ids) const {
  if (parts_.ignore_merges) {
    if (const int64_t id = find(pieces_, word); id >= 0) {
      ids.push_back(id);
      return;
    }
  }
  std::vector<uint32_t> symbols = symbols_of(word);
  merges_.apply(symbols);
  ids.insert(ids.end(), symbols.begin(), symbols.end());
}

std::vector<uint32_t> PieceBpe::symbols_of(std::string_view word) const {
  std::vector<uint32_t> symbols;
  symbols.reserve(word.size());
  // An unknown waits for the next known character, and is overtaken by bytes: so the reference.
  bool waiting = false;
  const auto put_waiting = [&] {
    if (waiting) symbols.push_back(static_cast<uint32_t>(unknown_id_));
  };
  for (size_t position = 0; position < word.size();) {
    const size_t start = position;
    const auto found = characters_.find(next_code_point(word, position));
    if (found != characters_.end()) {
      put_waiting();
      waiting = false;
      symbols.push_back(found->second);
      continue;
    }
    const std::string_view character = word.substr(start, position - start);
    if (parts_.byte_fallback && append_bytes(character, symbols)) continue;
    if (unknown_id_ < 0) continue;
    if (!parts_.fuse_unknown) put_waiting();
    waiting = true;
  }
  put_waiting();
  return symbols;
}

/// Spells a character in bytes if all of them have pieces.
bool PieceBpe::append_bytes(std::string_view character, std::vector<uint32_t>& symbols) const {
  const size_t before = symbols.size();
  for (const char byte : character) {
    const int64_t id = byte_ids_[static_cast<uint8_t>(byte)];
    if (id < 0) {
      symbols.resize(before);
      return false;
    }
    symbols.push_back(static_cast<uint32_t>(id));
  }
  return true;
}

}  // namespace blip2
