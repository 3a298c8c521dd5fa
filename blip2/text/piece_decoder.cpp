// Pieces joined to text, bytes included.
#include "blip2/text/piece_decoder.h"

#include <fmt/format.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "blip2/base/utf8.h"
#include "blip2/text/metaspace.h"
#include "blip2/text/tokenizer_frame.h"

namespace blip2 {
namespace {

std::string decode_metaspace(const std::vector<std::string_view>& pieces, bool drop_first) {
  std::string text;
  for (size_t i = 0; i < pieces.size(); ++i) {
    std::string piece(pieces[i]);
    replace_all(piece, kMetaspace, i == 0 && drop_first ? "" : " ");
    text += piece;
  }
  return text;
}

/// Appends a finished run of bytes and empties it.
void append_bytes(std::string& text, std::string& bytes) {
  if (is_valid_utf8(bytes)) {
    text += bytes;
  } else {
    for (size_t i = 0; i < bytes.size(); ++i) append_utf8(text, 0xfffd);
  }
  bytes.clear();
}

std::string decode_bytes(const std::vector<std::string_view>& pieces, int64_t strip_spaces) {
  std::string text, bytes;
  for (const std::string_view piece : pieces) {
    if (const auto byte = piece_byte(piece)) {
      bytes.push_back(static_cast<char>(*byte));
      continue;
    }
    append_bytes(text, bytes);
    std::string spaced(piece);
    replace_all(spaced, kMetaspace, " ");
    text += spaced;
  }
  append_bytes(text, bytes);
  size_t stripped = 0;
  while (stripped < text.size() && static_cast<int64_t>(stripped) < strip_spaces &&
         text[stripped] == ' ') {
    ++stripped;
  }
  return text.substr(stripped);
}

}  // namespace

std::string decode_pieces(const std::vector<std::string_view>& pieces,
                          const PieceDecoder& decoder) {
  return decoder.kind == PieceDecoder::Kind::kSpaces ? decode_metaspace(pieces, decoder.drop_first)
                                                     : decode_bytes(pieces, decoder.strip_spaces);
}

std::string byte_piece(uint8_t byte) { return fmt::format("<0x{:02X}>", byte); }

std::optional<uint8_t> piece_byte(std::string_view piece) {
  if (piece.size() != 6 || !piece.starts_with("<0x") || !piece.ends_with('>')) return std::nullopt;
  std::string_view digits = piece.substr(3, 2);
  if (digits.starts_with('+')) digits.remove_prefix(1);  // as the reference reads numbers
  uint8_t byte = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, byte, 16);
  if (error != std::errc() || stop != end) return std::nullopt;
  return byte;
}

}  // namespace blip2
