// The two-way table of a tokenizer's pieces and ids, added tokens included, and the ids by role. No
// text is split here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace blip2 {

/// Ids that a model asks for by role; -1 = the tokenizer has none.
struct SpecialIds {
  int64_t bos = -1;
  int64_t eos = -1;
  int64_t pad = -1;
  int64_t unk = -1;
  int64_t cls = -1;
  int64_t sep = -1;
  int64_t mask = -1;
  int64_t dec = -1;  ///< "[DEC]", what BLIP-2's Q-Former starts a caption with

  bool operator==(const SpecialIds&) const = default;
};

/// The roles by the names of Hugging Face's files ("bos" for `bos_token`), in the order in which it
/// gives ids to those that have none.
struct SpecialRole {
  const char* name;
  int64_t SpecialIds::* id;
};
inline constexpr SpecialRole kSpecialRoles[] = {
    {"bos", &SpecialIds::bos},  {"eos", &SpecialIds::eos}, {"unk", &SpecialIds::unk},
    {"sep", &SpecialIds::sep},  {"pad", &SpecialIds::pad}, {"cls", &SpecialIds::cls},
    {"mask", &SpecialIds::mask}};

/// Lets a table of strings be searched by string_view.
struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
using PieceMap = std::unordered_map<std::string, int64_t, StringHash, std::equal_to<>>;
/// The ids of `pieces[id]` by piece; an empty piece is none.
PieceMap ids_by_piece(const std::vector<std::string>& pieces);

/// Ids run from 0 to size() - 1; an id without a piece (a hole) has the empty piece.
class Vocabulary {
 public:
  Vocabulary() = default;
  /// `pieces[id]`. Throws kCorruptData if a piece is not UTF-8 or occurs twice, or if there are
  /// more pieces than kMaxSize; `source` names the file in messages.
  Vocabulary(std::vector<std::string> pieces, const std::string& source);

  /// Gives `piece` the id `id`, growing if need be. Throws kCorruptData if either is taken
  /// otherwise, or the id is negative or not below kMaxSize. Adding what is there already does
  /// nothing.
  void add(const std::string& piece, int64_t id, const std::string& source);

  /// Sets the ids by role. Throws kCorruptData for one that is neither -1 nor a token's.
  void set_special_ids(const SpecialIds& ids, const std::string& source);
  const SpecialIds& special_ids() const { return special_ids_; }

  int64_t size() const { return static_cast<int64_t>(pieces_.size()); }
  /// The piece of an id. Throws kInvalidArgument outside 0 .. size() - 1.
  const std::string& piece(int64_t id) const;
  /// The id of a piece, -1 if there is none.
  int64_t id(std::string_view piece) const;
  /// Whether `id` is in range and no hole.
  bool contains(int64_t id) const;

  static constexpr int64_t kMaxSize = 2'000'000;

 private:
  std::vector<std::string> pieces_;
  PieceMap ids_;
  SpecialIds special_ids_;
};

}  // namespace blip2
