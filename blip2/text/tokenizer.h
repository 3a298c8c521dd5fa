// What every tokenizer does, and the one way to get one from a Hugging Face directory. WordPiece,
// byte-level BPE and SentencePiece models are behind it; their own headers build them from parts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "blip2/text/vocabulary.h"

namespace blip2 {

/// Whether special tokens take part: those of the model's template in encode (BERT's
/// `[CLS] ... [SEP]`, OPT's `</s> ...`), those among the ids in decode.
enum class Specials { kWith, kWithout };

/// Text to ids and back. Nothing changes after construction: any threads may share one.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  /// The ids of `text`. Ill-formed UTF-8 counts as U+FFFD. Added tokens in the text ("[SEP]",
  /// "<|im_start|>") become their ids either way. No length limit, no padding.
  virtual std::vector<int64_t> encode(std::string_view text,
                                      Specials specials = Specials::kWith) const = 0;

  /// The text of `ids`, always valid UTF-8. Ids outside the vocabulary are ignored, as in the
  /// reference.
  virtual std::string decode(std::span<const int64_t> ids,
                             Specials specials = Specials::kWithout) const = 0;

  /// Pieces, ids and roles, added tokens included.
  virtual const Vocabulary& vocabulary() const = 0;

  /// Writes what load_tokenizer and Hugging Face's AutoTokenizer read: `tokenizer.json`,
  /// `tokenizer_config.json` and, for WordPiece, `vocab.txt`. Makes the folder. Throws
  /// kUnavailable.
  virtual void save(const std::filesystem::path& directory) const = 0;

  int64_t vocabulary_size() const { return vocabulary().size(); }
  const std::string& piece(int64_t id) const { return vocabulary().piece(id); }
  int64_t token_to_id(std::string_view token) const { return vocabulary().id(token); }
  const SpecialIds& special_ids() const { return vocabulary().special_ids(); }
};

/// Reads `tokenizer.json` (WordPiece, BPE or Unigram), else `spiece.model` (T5) or
/// `tokenizer.model` (LLaMA), else `vocab.txt`, else `vocab.json` and `merges.txt` (GPT-2, CLIP);
/// with `tokenizer_config.json`, `special_tokens_map.json` and `added_tokens.json`.
/// `extra_special_tokens` that the directory lacks ("[DEC]") get the next free ids. Added tokens
/// among `plain_words` keep their ids, but a text that holds them is ordinary text.
/// Throws kNotFound (none of the files), kCorruptData, kUnsupported (naming the part).
std::unique_ptr<Tokenizer> load_tokenizer(const std::filesystem::path& directory,
                                          std::span<const std::string> extra_special_tokens = {},
                                          std::span<const std::string> plain_words = {});

}  // namespace blip2
