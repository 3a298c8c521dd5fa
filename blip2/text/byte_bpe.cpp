#include "blip2/text/byte_bpe.h"

#include <optional>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/text/tokenizer_files.h"
#include "blip2/text/utf8.h"

namespace blip2 {
namespace {

constexpr int32_t kGgufControl = 3, kGgufUserDefined = 4;

// Turns GGUF's token types into added tokens.
ByteBpeParts with_added_tokens(ByteBpeParts parts) {
  if (parts.token_types.empty()) return parts;
  if (parts.token_types.size() != parts.tokens.size()) {
    fail(ErrorCode::kCorruptData, "{}: expected a type for each of {} tokens, found {}",
         parts.frame.source, parts.tokens.size(), parts.token_types.size());
  }
  for (size_t id = 0; id < parts.tokens.size(); ++id) {
    const int32_t type = parts.token_types[id];
    if (type != kGgufControl && type != kGgufUserDefined) continue;
    AddedToken token;
    token.content = parts.tokens[id];
    token.id = static_cast<int64_t>(id);
    token.special = type == kGgufControl;
    parts.frame.added_tokens.push_back(std::move(token));
  }
  parts.token_types.clear();
  return parts;
}

void append_alphabet(std::string& out, std::string_view bytes) {
  for (const char byte : bytes) append_utf8(out, byte_character(static_cast<uint8_t>(byte)));
}

// The bytes of a piece; a piece with a character outside the alphabet stands for itself.
void append_bytes(std::string& out, const std::string& piece) {
  const size_t start = out.size();
  for (size_t position = 0; position < piece.size();) {
    const std::optional<uint8_t> byte = character_byte(next_code_point(piece, position));
    if (!byte) {
      out.resize(start);
      out += piece;
      return;
    }
    out.push_back(static_cast<char>(*byte));
  }
}

}  // namespace

std::unique_ptr<ByteBpe> ByteBpe::from_parts(ByteBpeParts parts) {
  return std::unique_ptr<ByteBpe>(new ByteBpe(with_added_tokens(std::move(parts))));
}

ByteBpe::ByteBpe(ByteBpeParts parts)
    : parts_(std::move(parts)),
      frame_(std::move(parts_.frame), std::move(parts_.tokens)),
      merges_(parts_.merges.size()) {
  const auto model_id = [this](std::string_view piece) {
    const int64_t id = vocabulary().id(piece);
    return id < frame_.num_model_pieces() ? id : -1;
  };
  for (size_t byte = 0; byte < byte_ids_.size(); ++byte) {
    std::string character;
    append_utf8(character, byte_character(static_cast<uint8_t>(byte)));
    byte_ids_[byte] = model_id(character);
  }
  if (!parts_.unknown.empty()) {
    unknown_id_ = model_id(parts_.unknown);
    if (unknown_id_ < 0) {
      fail(ErrorCode::kCorruptData, "{}: expected the unknown token \"{}\" in the vocabulary",
           frame_.parts().source, parts_.unknown);
    }
  }
  add_merges();
}

void ByteBpe::add_merges() {
  for (size_t rank = 0; rank < parts_.merges.size(); ++rank) {
    const std::string& merge = parts_.merges[rank];
    const auto refuse = [&](const std::string& why) {
      fail(ErrorCode::kCorruptData, "{}: merge {} (\"{}\"): {}", frame_.parts().source, rank,
           replace_invalid_utf8(merge), why);
    };
    const size_t space = merge.find(' ');
    if (space == std::string::npos || merge.find(' ', space + 1) != std::string::npos) {
      refuse("expected two tokens with one space between");
    }
    const std::string parts[] = {merge.substr(0, space), merge.substr(space + 1),
                                 merge.substr(0, space) + merge.substr(space + 1)};
    uint32_t ids[3];
    for (size_t i = 0; i < 3; ++i) {
      const int64_t id = vocabulary().id(parts[i]);
      if (id < 0) refuse("\"" + replace_invalid_utf8(parts[i]) + "\" is no token");
      ids[i] = static_cast<uint32_t>(id);
    }
    if (!merges_.insert(ids[0], ids[1], {static_cast<uint32_t>(rank), ids[2]})) {
      refuse("it has stood before");
    }
  }
}

std::vector<int64_t> ByteBpe::encode(std::string_view text, Specials specials) const {
  std::vector<uint32_t> symbols;
  const auto encode_stretch = [&](std::string_view stretch, std::vector<int64_t>& ids) {
    std::string spaced;
    if (parts_.add_prefix_space && !stretch.starts_with(' ')) {
      spaced.append(" ").append(stretch);
      stretch = spaced;
    }
    for (const std::string_view word : split_byte_words(stretch, parts_.pre_tokenizer)) {
      encode_word(word, symbols, ids);
    }
  };
  return frame_.encode(text, specials, encode_stretch);
}

void ByteBpe::encode_word(std::string_view word, std::vector<uint32_t>& symbols,
                          std::vector<int64_t>& ids) const {
  if (parts_.ignore_merges) {
    std::string piece;
    append_alphabet(piece, word);
    const int64_t id = vocabulary().id(piece);
    if (id >= 0 && id < frame_.num_model_pieces()) {
      ids.push_back(id);
      return;
    }
  }
  symbols.clear();
  bool after_unknown = false;
  for (const char byte : word) {
    const int64_t id = byte_ids_[static_cast<uint8_t>(byte)];
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

std::string ByteBpe::decode(std::span<const int64_t> ids, Specials specials) const {
  std::string bytes;
  for (const int64_t id : frame_.visible(ids, specials))
    append_bytes(bytes, vocabulary().piece(id));
  return frame_.finish(replace_invalid_utf8(bytes));
}

void ByteBpe::save(const std::filesystem::path& directory) const {
  save_byte_bpe(*this, directory);
}

}  // namespace blip2
