// Bytes to GPT-2's alphabet, merges by rank, and back.
#include "blip2/text/byte_bpe.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"
#include "blip2/base/utf8.h"
#include "blip2/text/merge_list.h"
#include "blip2/text/unicode_classes.h"

namespace blip2 {
namespace {

constexpr int32_t kGgufControl = 3, kGgufUserDefined = 4;

/// Turns GGUF's token types into added tokens.
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

/// The bytes of a piece; a piece with a character outside the alphabet is its own bytes.
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

/// Strips both ends as Python's str.strip does: white space and the separators U+001C to U+001F.
std::string strip_text(std::string_view text) {
  const auto goes = [](char32_t c) { return is_white_space(c) || (c >= 0x1c && c <= 0x1f); };
  size_t start = 0, stop = text.size();
  for (size_t next = 0; next < text.size(); start = next) {
    if (!goes(next_code_point(text, next))) break;
  }
  for (size_t before = stop; before > start; stop = before) {
    if (!goes(previous_code_point(text, before))) break;
  }
  return std::string(text.substr(start, stop - start));
}

}  // namespace

std::unique_ptr<ByteBpe> ByteBpe::from_parts(ByteBpeParts parts) {
  return std::unique_ptr<ByteBpe>(new ByteBpe(with_added_tokens(std::move(parts))));
}

ByteBpe::ByteBpe(ByteBpeParts parts)
    : parts_(std::move(parts)),
      frame_(std::move(parts_.frame), std::move(parts_.tokens), make_normalizer(parts_.normalizer)),
      merges_(read_merge_list(
          parts_.merges, [this](std::string_view piece) { return vocabulary().id(piece); },
          frame_.parts().source)) {
  for (size_t byte = 0; byte < byte_ids_.size(); ++byte) {
    std::string character;
    append_utf8(character, byte_character(static_cast<uint8_t>(byte)));
    byte_ids_[byte] = model_id(character);
    last_byte_ids_[byte] = model_id(character + parts_.end_of_word);
  }
  if (parts_.unknown.empty()) return;
  unknown_id_ = model_id(parts_.unknown);
  if (unknown_id_ < 0) {
    fail(ErrorCode::kCorruptData, "{}: expected the unknown token {} in the vocabulary",
         frame_.parts().source, quote(parts_.unknown));
  }
}

/// The id of a piece of the model proper.
int64_t ByteBpe::model_id(std::string_view piece) const {
  const int64_t id = vocabulary().id(piece);
  return id < frame_.num_model_pieces() ? id : -1;
}

std::vector<int64_t> ByteBpe::encode(std::string_view text, Specials specials) const {
  std::vector<uint32_t> symbols;
  const auto encode_stretch = [&](const TextStretch& whole, std::vector<int64_t>& ids) {
    std::string_view stretch = whole.text;
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
    if (const int64_t id = model_id(piece); id >= 0) {
      ids.push_back(id);
      return;
    }
  }
  symbols.clear();
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

std::string ByteBpe::decode(std::span<const int64_t> ids, Specials specials) const {
  std::string bytes;
  for (const int64_t id : frame_.visible(ids, specials))
    append_bytes(bytes, vocabulary().piece(id));
  std::string text = replace_invalid_utf8(bytes);
  if (!parts_.end_of_word.empty()) {
    replace_all(text, parts_.end_of_word, " ");
    text = strip_text(text);
  }
  return frame_.finish(std::move(text));
}

}  // namespace blip2
