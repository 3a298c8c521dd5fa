// The tokenizers of SentencePiece models, as Hugging Face runs them: T5's Unigram and LLaMA's BPE.
// The models proper are in unigram.h and piece_bpe.h; the files in sentencepiece_model.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "blip2/text/metaspace.h"
#include "blip2/text/piece_bpe.h"
#include "blip2/text/piece_decoder.h"
#include "blip2/text/text_normalizer.h"
#include "blip2/text/tokenizer.h"
#include "blip2/text/tokenizer_frame.h"
#include "blip2/text/unigram.h"

namespace blip2 {

/// What such a tokenizer is made of. T5's extra ids and "<image>" are added through
/// `frame.added_tokens`.
struct SentencePieceParts {
  std::vector<std::string> pieces;  ///< the model's own, pieces[id]; "" = no such id
  TokenizerFrameParts frame;
  NormalizerSteps normalizer;
  bool split_white_space = false;      ///< first into the words between white space
  std::optional<Metaspace> metaspace;  ///< then this; without it nothing is done to spaces
  PieceDecoder decoder;
  std::variant<UnigramParts, PieceBpeParts> model;
};

class SentencePiece final : public Tokenizer {
 public:
  /// Throws kCorruptData for parts that do not fit together, kUnsupported for what
  /// `PrependScheme::kFirst` means behind `split_white_space`.
  explicit SentencePiece(SentencePieceParts parts);

  std::vector<int64_t> encode(std::string_view text,
                              Specials specials = Specials::kWith) const override;
  std::string decode(std::span<const int64_t> ids,
                     Specials specials = Specials::kWithout) const override;
  const Vocabulary& vocabulary() const override { return frame_.vocabulary(); }
  void save(const std::filesystem::path& directory) const override;  // sentencepiece_save.cpp

 private:
  void encode_stretch(const TextStretch& stretch, std::vector<int64_t>& ids) const;
  void encode_spaced(std::string_view text, bool at_start, std::vector<int64_t>& ids) const;
  void encode_word(std::string_view word, std::vector<int64_t>& ids) const;

  SentencePieceParts parts_;  // except pieces, frame and model, which have moved into the others
  std::variant<Unigram, PieceBpe> model_;
  TokenizerFrame frame_;
};

}  // namespace blip2
