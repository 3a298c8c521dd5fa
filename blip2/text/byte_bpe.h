// The byte-level BPE tokenizer of GPT-2, OPT, SmolLM2, LLaMA 3, Qwen2 and CLIP. Its words come
// from byte_words.h, its merges from merge_list.h.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "blip2/text/byte_words.h"
#include "blip2/text/merge_table.h"
#include "blip2/text/text_normalizer.h"
#include "blip2/text/tokenizer.h"
#include "blip2/text/tokenizer_frame.h"

namespace blip2 {

/// What a byte-level BPE tokenizer is made of; `tokens`, `merges`, `token_types` as a GGUF holds
/// them.
struct ByteBpeParts {
  std::vector<std::string> tokens;  ///< tokens[id], in GPT-2's alphabet; "" = no such id
  std::vector<std::string> merges;  ///< "left right", the first merged first
  /// GGUF's types, one a token, or empty. 3 (control) makes an added special token, 4 (user
  /// defined) an added ordinary one.
  std::vector<int32_t> token_types;
  NormalizerSteps normalizer;
  BytePreTokenizer pre_tokenizer = BytePreTokenizer::kGpt2;
  TokenizerFrameParts frame;
  bool add_prefix_space = false;  ///< a space before text that has none
  bool ignore_merges = false;     ///< a word that is a token is that token, whatever the merges say
  /// Stands for a byte that has no token; "" = such bytes are dropped, as for SmolLM2.
  std::string unknown;
  bool fuse_unknown = false;  ///< a run of such bytes gives one id
  /// CLIP's "</w>", which the last byte of a word carries; decoding makes it a space, and takes
  /// white space off both ends. "" = none.
  std::string end_of_word;
};

class ByteBpe final : public Tokenizer {
 public:
  /// Throws kCorruptData for duplicates, ids out of range, merges that name no token or are not
  /// two.
  static std::unique_ptr<ByteBpe> from_parts(ByteBpeParts parts);

  std::vector<int64_t> encode(std::string_view text,
                              Specials specials = Specials::kWith) const override;
  std::string decode(std::span<const int64_t> ids,
                     Specials specials = Specials::kWithout) const override;
  const Vocabulary& vocabulary() const override { return frame_.vocabulary(); }
  void save(const std::filesystem::path& directory) const override;  // tokenizer_save.cpp

  const TokenizerFrame& frame() const { return frame_; }

 private:
  explicit ByteBpe(ByteBpeParts parts);
  int64_t model_id(std::string_view piece) const;
  void encode_word(std::string_view word, std::vector<uint32_t>& symbols,
                   std::vector<int64_t>& ids) const;

  ByteBpeParts parts_;  // except tokens and frame, which have moved into frame_
  TokenizerFrame frame_;
  MergeTable merges_;
  std::array<int64_t, 256> byte_ids_{};
  std::array<int64_t, 256> last_byte_ids_{};  // at the end of a word
  int64_t unknown_id_ = -1;
};

}  // namespace blip2
