// The one tokenizer: normalizer, pre-tokenizer, model, template and decoder in a row, as PyPI
// `tokenizers` runs them. Each part has a file of its own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "blip2/text/pre_tokenizer.h"
#include "blip2/text/text_decoder.h"
#include "blip2/text/text_normalizer.h"
#include "blip2/text/tokenizer.h"
#include "blip2/text/tokenizer_parts.h"

namespace blip2 {

class PipelineTokenizer final : public Tokenizer {
 public:
  /// Throws kCorruptData for parts that do not fit together, kUnsupported for components that are
  /// not known.
  explicit PipelineTokenizer(TokenizerParts parts);

  std::vector<int64_t> encode(std::string_view text,
                              Specials specials = Specials::kWith) const override;
  std::string decode(std::span<const int64_t> ids,
                     Specials specials = Specials::kWithout) const override;
  const Vocabulary& vocabulary() const override { return frame_.vocabulary(); }
  void save(const std::filesystem::path& directory) const override;  // tokenizer_save.cpp

  const TokenizerFrame& frame() const { return frame_; }

 private:
  using Model = std::variant<WordPiece, Bpe, Unigram, WordLevel>;
  static Model make_model(TokenizerParts& parts);
  void encode_stretch(const TextPiece& stretch, std::vector<int64_t>& ids) const;

  TokenizerParts parts_;  // except pieces, frame and model, which have moved into the others
  Model model_;
  NormalizerSteps normalizer_;
  PreTokenizerSteps pre_tokenizer_;
  DecoderSteps decoder_;
  TokenizerFrame frame_;
  const Bpe* byte_model_ = nullptr;  // the model where it reads the bytes behind ByteLevel
};

}  // namespace blip2
