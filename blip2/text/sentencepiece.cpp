// Normalisation, splitting, and the model that the parts hold.
#include "blip2/text/sentencepiece.h"

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "blip2/base/error.h"

namespace blip2 {
namespace {

std::variant<Unigram, PieceBpe> make_model(SentencePieceParts& parts) {
  const std::string& source = parts.frame.source;
  if (auto* unigram = std::get_if<UnigramParts>(&parts.model)) {
    return Unigram(std::move(*unigram), parts.pieces, source);
  }
  return PieceBpe(std::move(std::get<PieceBpeParts>(parts.model)), parts.pieces, source);
}

}  // namespace

SentencePiece::SentencePiece(SentencePieceParts parts)
    : parts_(std::move(parts)),
      model_(make_model(parts_)),
      frame_(std::move(parts_.frame), std::move(parts_.pieces),
             make_normalizer(parts_.normalizer)) {
  if (parts_.split_white_space && parts_.metaspace &&
      parts_.metaspace->prepend == PrependScheme::kFirst) {
    fail(ErrorCode::kUnsupported,
         "{}: Metaspace with prepend_scheme \"first\" behind WhitespaceSplit is not supported",
         frame_.parts().source);
  }
}

std::vector<int64_t> SentencePiece::encode(std::string_view text, Specials specials) const {
  return frame_.encode(text, specials,
                       [this](const TextStretch& stretch, std::vector<int64_t>& ids) {
                         encode_stretch(stretch, ids);
                       });
}

void SentencePiece::encode_stretch(const TextStretch& stretch, std::vector<int64_t>& ids) const {
  if (!parts_.split_white_space) {
    encode_spaced(stretch.text, stretch.at_start, ids);
    return;
  }
  for (const std::string_view word : split_white_space(stretch.text)) {
    encode_spaced(word, false, ids);
  }
}

void SentencePiece::encode_spaced(std::string_view text, bool at_start,
                                  std::vector<int64_t>& ids) const {
  if (!parts_.metaspace) {
    encode_word(text, ids);
    return;
  }
  for (const std::string& word : split_metaspace(text, *parts_.metaspace, at_start)) {
    encode_word(word, ids);
  }
}

void SentencePiece::encode_word(std::string_view word, std::vector<int64_t>& ids) const {
  std::visit([&](const auto& model) { model.encode(word, ids); }, model_);
}

std::string SentencePiece::decode(std::span<const int64_t> ids, Specials specials) const {
  std::vector<std::string_view> pieces;
  for (const int64_t id : frame_.visible(ids, specials)) pieces.push_back(vocabulary().piece(id));
  return frame_.finish(decode_pieces(pieces, parts_.decoder));
}

}  // namespace blip2
