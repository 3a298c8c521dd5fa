// A byte-level BPE tokenizer as a GGUF file describes it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "blip2/text/byte_words.h"
#include "blip2/text/tokenizer.h"
#include "blip2/text/tokenizer_parts.h"

namespace blip2 {

/// What a byte-level BPE tokenizer is made of; `tokens`, `merges`, `token_types` as a GGUF holds
/// them.
struct ByteBpeParts {
  std::vector<std::string> tokens;  ///< tokens[id], in GPT-2's alphabet; "" = no such id
  std::vector<std::string> merges;  ///< "left right", the first merged first
  /// GGUF's types, one a token, or empty. 3 (control) makes an added special token, 4 (user
  /// defined) an added ordinary one.
  std::vector<int32_t> token_types;
  BytePreTokenizer pre_tokenizer = BytePreTokenizer::kGpt2;
  TokenizerFrameParts frame;
  bool add_prefix_space = false;  ///< a space before text that has none
  bool ignore_merges = false;     ///< a word that is a token is that token, whatever the merges say
  /// Stands for a byte that has no token; "" = such bytes are dropped, as for SmolLM2.
  std::string unknown;
  bool fuse_unknown = false;  ///< a run of such bytes gives one id
};

/// Throws kCorruptData for duplicates, ids out of range, merges that name no token or are not two.
std::unique_ptr<Tokenizer> make_byte_bpe(ByteBpeParts parts);

/// The components for a rule of cutting words.
TokenizerComponents byte_components(BytePreTokenizer rule, bool add_prefix_space);

}  // namespace blip2
