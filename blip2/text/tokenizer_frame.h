// What surrounds the model proper, the same for all kinds: added tokens, the template's special
// tokens, ids by role, and what a tokenizer's files say beyond that.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "blip2/text/added_tokens.h"
#include "blip2/text/text_piece.h"
#include "blip2/text/tokenizer.h"
#include "blip2/text/vocabulary.h"

namespace blip2 {

/// The parts of a frame, as files hold them.
struct TokenizerFrameParts {
  std::string source = "tokenizer";  ///< the file or folder they come from, for messages
  std::vector<AddedToken> added_tokens;
  std::vector<int64_t> prefix_ids;  ///< put before every text ([CLS], OPT's </s>)
  std::vector<int64_t> suffix_ids;  ///< put behind every text ([SEP])
  SpecialIds special_ids;           ///< `dec` is looked up, and is bos where there is no other
  /// `clean_up_tokenization_spaces`: " ." becomes "." in decoded text.
  bool clean_up_spaces = false;
  /// `split_special_tokens`: special tokens in a text are ordinary text.
  bool split_special_tokens = false;
  std::vector<std::string> plain_words;  ///< added tokens that no text becomes
  std::string config_json;  ///< the text of tokenizer_config.json, carried along to save()
};

class TokenizerFrame {
 public:
  /// Text to normalised text; empty for none.
  using Normalize = std::function<OriginText(OriginText)>;
  /// Appends the ids of a stretch of normalised text that holds no added token and is not empty.
  using EncodeStretch = std::function<void(const TextPiece&, std::vector<int64_t>&)>;

  /// `pieces` are the model's own, `pieces[id]`. Throws kCorruptData for what does not fit
  /// together.
  TokenizerFrame(TokenizerFrameParts parts, std::vector<std::string> pieces,
                 const Normalize& normalize = {});

  std::vector<int64_t> encode(std::string_view text, Specials specials,
                              const EncodeStretch& encode_stretch) const;

  /// The ids that decoding speaks of: in the vocabulary, and not special unless those are wanted.
  std::vector<int64_t> visible(std::span<const int64_t> ids, Specials specials) const;

  /// Decoded text with the spaces that Hugging Face's clean-up takes out, where the files ask for
  /// it.
  std::string finish(std::string text) const;

  const Vocabulary& vocabulary() const { return vocabulary_; }
  const TokenizerFrameParts& parts() const { return parts_; }
  /// How many ids the model proper has; added tokens may have ids below and above.
  int64_t num_model_pieces() const { return num_model_pieces_; }

 private:
  TokenizerFrameParts parts_;
  int64_t num_model_pieces_;
  Vocabulary vocabulary_;
  Normalize normalize_;
  AddedTokenMatcher raw_, normalized_;
  std::vector<bool> is_special_;
};

/// Replaces every `from` in `text` by `to`, from left to right.
void replace_all(std::string& text, std::string_view from, std::string_view to);

}  // namespace blip2
