// From the pieces of SentencePiece models back to text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace blip2 {

/// The two decoders in use. Both write U+2581 as a space.
struct PieceDecoder {
  enum class Kind {
    kSpaces,  ///< T5's
    kBytes    ///< LLaMA's: runs of pieces such as "<0x0A>" are bytes
  };
  Kind kind = Kind::kSpaces;
  bool drop_first = true;    ///< kSpaces: in the first piece U+2581 is dropped
  int64_t strip_spaces = 1;  ///< kBytes: spaces that may be removed from the start of the text
};

/// The text of pieces. A run of byte pieces that is not UTF-8 gives one U+FFFD a byte.
std::string decode_pieces(const std::vector<std::string_view>& pieces, const PieceDecoder& decoder);

/// "<0x0A>" for 10.
std::string byte_piece(uint8_t byte);
/// The byte that a piece represents, if any.
std::optional<uint8_t> piece_byte(std::string_view piece);

}  // namespace blip2
