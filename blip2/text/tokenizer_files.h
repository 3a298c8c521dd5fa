// The files of a tokenizer's directory, between load_tokenizer and the tokenizers' parts. For .cpp
// files of this room; the way in from outside is tokenizer.h.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <variant>
#include <vector>

#include "blip2/text/byte_bpe.h"
#include "blip2/text/wordpiece.h"

namespace blip2 {

using TokenizerParts = std::variant<WordPieceParts, ByteBpeParts>;

/// Reads one `tokenizer.json`. Padding and truncation, which it may hold, are the caller's business
/// and are passed over. Throws kUnsupported, naming the part, for models other than WordPiece and
/// byte-level BPE; kCorruptData.
TokenizerParts read_tokenizer_json(const std::filesystem::path& path);

/// Reads one-piece-a-line `vocab.txt`.
WordPieceParts read_vocab_txt(const std::filesystem::path& path);

/// Reads GPT-2's `vocab.json` and `merges.txt`.
ByteBpeParts read_vocab_json_and_merges(const std::filesystem::path& vocab_path,
                                        const std::filesystem::path& merges_path);

/// Pieces by id from a vocabulary object {"piece": id}. Throws kCorruptData for ids that are no
/// integers, out of range, or given twice.
std::vector<std::string> read_vocabulary_object(const nlohmann::json& vocabulary,
                                                const std::string& where);

void save_wordpiece(const WordPiece& tokenizer, const std::filesystem::path& directory);
void save_byte_bpe(const ByteBpe& tokenizer, const std::filesystem::path& directory);

}  // namespace blip2
