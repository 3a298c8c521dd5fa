// Pieces by id and ids by piece.
#include "blip2/text/vocabulary.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"
#include "blip2/base/utf8.h"

namespace blip2 {

PieceMap ids_by_piece(const std::vector<std::string>& pieces) {
  PieceMap ids;
  ids.reserve(pieces.size());
  for (size_t id = 0; id < pieces.size(); ++id) {
    if (!pieces[id].empty()) ids.emplace(pieces[id], static_cast<int64_t>(id));
  }
  return ids;
}

Vocabulary::Vocabulary(std::vector<std::string> pieces, const std::string& source)
    : pieces_(std::move(pieces)) {
  if (size() > kMaxSize) {
    fail(ErrorCode::kCorruptData, "{}: expected at most {} tokens, found {}", source, kMaxSize,
         size());
  }
  ids_.reserve(pieces_.size());
  for (int64_t id = 0; id < size(); ++id) {
    const std::string& piece = pieces_[static_cast<size_t>(id)];
    if (piece.empty()) continue;
    if (!is_valid_utf8(piece)) {
      fail(ErrorCode::kCorruptData, "{}: token {}: expected UTF-8, found {}", source, id,
           quote(piece));
    }
    const auto [entry, fresh] = ids_.emplace(piece, id);
    if (!fresh) {
      fail(ErrorCode::kCorruptData, "{}: token {} has two ids, {} and {}", source, quote(piece),
           entry->second, id);
    }
  }
}

void Vocabulary::add(const std::string& piece, int64_t id, const std::string& source) {
  if (piece.empty() || !is_valid_utf8(piece)) {
    fail(ErrorCode::kCorruptData, "{}: token {}: expected text in UTF-8, found {}", source, id,
         quote(piece));
  }
  if (id < 0 || id >= kMaxSize) {
    fail(ErrorCode::kCorruptData, "{}: token {}: expected an id from 0 to {}, found {}", source,
         quote(piece), kMaxSize - 1, id);
  }
  const int64_t known = this->id(piece);
  if (known == id) return;
  if (known >= 0) {
    fail(ErrorCode::kCorruptData, "{}: token {} has two ids, {} and {}", source, quote(piece),
         known, id);
  }
  if (contains(id)) {
    fail(ErrorCode::kCorruptData, "{}: id {} has two tokens, {} and {}", source, id,
         quote(this->piece(id)), quote(piece));
  }
  if (id >= size()) pieces_.resize(static_cast<size_t>(id) + 1);
  pieces_[static_cast<size_t>(id)] = piece;
  ids_.emplace(piece, id);
}

void Vocabulary::set_special_ids(const SpecialIds& ids, const std::string& source) {
  for (const SpecialRole& role : kSpecialRoles) {
    const int64_t id = ids.*role.id;
    if (id != -1 && !contains(id)) {
      fail(ErrorCode::kCorruptData, "{}: {} token: expected the id of a token below {}, found {}",
           source, role.name, size(), id);
    }
  }
  special_ids_ = ids;
  special_ids_.dec = id("[DEC]");
  if (special_ids_.bos < 0) special_ids_.bos = special_ids_.dec;
}

const std::string& Vocabulary::piece(int64_t id) const {
  if (id < 0 || id >= size()) {
    fail(ErrorCode::kInvalidArgument, "token id {}: expected 0 to {}", id, size() - 1);
  }
  return pieces_[static_cast<size_t>(id)];
}

int64_t Vocabulary::id(std::string_view piece) const {
  const auto found = ids_.find(piece);
  return found == ids_.end() ? -1 : found->second;
}

bool Vocabulary::contains(int64_t id) const {
  return id >= 0 && id < size() && !pieces_[static_cast<size_t>(id)].empty();
}

}  // namespace blip2
