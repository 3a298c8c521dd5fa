// The parts in a row.
#include "blip2/text/pipeline_tokenizer.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "blip2/base/utf8.h"
#include "blip2/text/json_components.h"
#include "blip2/text/unicode_classes.h"

namespace blip2 {
namespace {

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

std::string join_with_spaces(const std::vector<std::string>& tokens) {
  std::string text;
  for (const std::string& token : tokens) {
    if (&token != tokens.data()) text += ' ';
    text += token;
  }
  return text;
}

TokenizerFrame::Normalize as_function(const NormalizerSteps& steps) {
  if (steps.empty()) return {};
  return [steps](OriginText text) { return normalize(steps, std::move(text)); };
}

}  // namespace

PipelineTokenizer::Model PipelineTokenizer::make_model(TokenizerParts& parts) {
  const std::string& source = parts.frame.source;
  if (auto* words = std::get_if<WordPieceParts>(&parts.model)) {
    return WordPiece(std::move(*words), parts.pieces, source);
  }
  if (auto* merges = std::get_if<BpeParts>(&parts.model)) {
    return Bpe(std::move(*merges), parts.pieces, source);
  }
  if (auto* unigram = std::get_if<UnigramParts>(&parts.model)) {
    return Unigram(std::move(*unigram), parts.pieces, source);
  }
  return WordLevel(std::get<WordLevelParts>(std::move(parts.model)), parts.pieces);
}

PipelineTokenizer::PipelineTokenizer(TokenizerParts parts)
    : parts_(std::move(parts)),
      model_(make_model(parts_)),
      normalizer_(read_normalizer(parts_.components.normalizer, parts_.frame.source)),
      pre_tokenizer_(read_pre_tokenizer(parts_.components.pre_tokenizer, parts_.frame.source)),
      decoder_(read_decoder(parts_.components.decoder, parts_.frame.source)),
      frame_(std::move(parts_.frame), std::move(parts_.pieces), as_function(normalizer_)) {
  const Bpe* merges = std::get_if<Bpe>(&model_);
  const bool ends_in_bytes =
      !pre_tokenizer_.empty() && std::holds_alternative<ByteLevelSplit>(pre_tokenizer_.back());
  if (merges != nullptr && merges->reads_bytes() && ends_in_bytes) byte_model_ = merges;
}

std::vector<int64_t> PipelineTokenizer::encode(std::string_view text, Specials specials) const {
  return frame_.encode(text, specials, [this](const TextPiece& stretch, std::vector<int64_t>& ids) {
    encode_stretch(stretch, ids);
  });
}

void PipelineTokenizer::encode_stretch(const TextPiece& stretch, std::vector<int64_t>& ids) const {
  TextPieces words{stretch};
  TextStore store;
  if (byte_model_ != nullptr) {
    pre_tokenize(pre_tokenizer_, ByteAlphabet::kLeftOut, words, store);
    for (const TextPiece& word : words) byte_model_->encode_bytes(word.text, ids);
    return;
  }
  pre_tokenize(pre_tokenizer_, ByteAlphabet::kWritten, words, store);
  std::visit(
      [&](const auto& model) {
        for (const TextPiece& word : words) model.encode(word.text, ids);
      },
      model_);
}

std::string PipelineTokenizer::decode(std::span<const int64_t> ids, Specials specials) const {
  std::vector<std::string> tokens;
  for (const int64_t id : frame_.visible(ids, specials)) tokens.push_back(vocabulary().piece(id));
  std::string text = parts_.components.decoder.empty() ? join_with_spaces(tokens)
                                                       : decode_tokens(decoder_, std::move(tokens));
  if (parts_.decodes_as_clip) {
    if (const Bpe* merges = std::get_if<Bpe>(&model_);
        merges && !merges->parts().end_of_word.empty()) {
      replace_all(text, merges->parts().end_of_word, " ");
    }
    text = strip_text(text);
  }
  return frame_.finish(std::move(text));
}

}  // namespace blip2
