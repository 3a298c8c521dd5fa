// The files of a tokenizer's directory, between load_tokenizer and the tokenizers' parts. For .cpp
// files of this room; the way in from outside is tokenizer.h.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "blip2/text/sentencepiece_model.h"
#include "blip2/text/tokenizer_parts.h"

namespace blip2 {

/// Reads one `tokenizer.json`. Padding and truncation, which it may hold, are the caller's
/// responsibility and are ignored. Throws kUnsupported, naming the part, for models other than
/// WordPiece, BPE, Unigram and WordLevel; kCorruptData.
TokenizerParts read_tokenizer_json(const std::filesystem::path& path);

/// Reads one-piece-a-line `vocab.txt`.
TokenizerParts read_vocab_txt(const std::filesystem::path& path);

/// Reads GPT-2's `vocab.json` and `merges.txt`.
TokenizerParts read_vocab_json_and_merges(const std::filesystem::path& vocab_path,
                                          const std::filesystem::path& merges_path);

/// The same as CLIP's class reads it: the first line of merges.txt and those behind the 48894th
/// merge do not count; words end in "</w>".
TokenizerParts read_clip_vocab_json_and_merges(const std::filesystem::path& vocab_path,
                                               const std::filesystem::path& merges_path);

/// What T5's class adds to a model file: `<extra_id_99>` ... `<extra_id_0>` after the pieces, and
/// `</s>` after every text.
struct T5Options {
  int64_t num_extra_ids = 100;
  const char* prepend_scheme = "always";  ///< or "first", "never"
};
TokenizerParts t5_parts(SentencePieceModel model, const T5Options& options,
                        const std::string& source);
std::string extra_id(int64_t number);

/// What LLaMA's class adds, except the template. `legacy`: a space also after added tokens.
struct LlamaOptions {
  bool legacy = true;
  bool add_prefix_space = true;
};
TokenizerParts llama_parts(SentencePieceModel model, const LlamaOptions& options,
                           const std::string& source);

/// Pieces by id from a vocabulary object {"piece": id}. Throws kCorruptData for ids that are no
/// integers, out of range, or given twice.
std::vector<std::string> read_vocabulary_object(const nlohmann::json& vocabulary,
                                                const std::string& where);

}  // namespace blip2
