// What is the same for all tokenizers: added tokens around the model, and the template.
#include "blip2/text/tokenizer_frame.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/base/utf8.h"

namespace blip2 {
namespace {

void check_template(const std::vector<int64_t>& ids, const Vocabulary& vocabulary,
                    const std::string& source) {
  for (const int64_t id : ids) {
    if (!vocabulary.contains(id)) {
      fail(ErrorCode::kCorruptData, "{}: template: expected the id of a token below {}, found {}",
           source, vocabulary.size(), id);
    }
  }
}

/// Whether a text that holds the token is ordinary text.
bool is_never_matched(const AddedToken& token, const TokenizerFrameParts& parts) {
  if (token.special && parts.split_special_tokens) return true;
  return std::find(parts.plain_words.begin(), parts.plain_words.end(), token.content) !=
         parts.plain_words.end();
}

}  // namespace

TokenizerFrame::TokenizerFrame(TokenizerFrameParts parts, std::vector<std::string> pieces,
                               const Normalize& normalize)
    : parts_(std::move(parts)),
      num_model_pieces_(static_cast<int64_t>(pieces.size())),
      vocabulary_(std::move(pieces), parts_.source),
      normalize_(normalize) {
  std::vector<AddedToken> raw, normalized;
  for (AddedToken& token : parts_.added_tokens) {
    if (token.id < 0) token.id = vocabulary_.id(token.content);
    if (token.id < 0) token.id = vocabulary_.size();
    vocabulary_.add(token.content, token.id, parts_.source);
    if (static_cast<size_t>(token.id) >= is_special_.size()) {
      is_special_.resize(static_cast<size_t>(token.id) + 1);
    }
    is_special_[static_cast<size_t>(token.id)] = token.special;
    if (is_never_matched(token, parts_)) continue;
    (token.normalized ? normalized : raw).push_back(token);
    if (token.normalized && normalize_) {
      normalized.back().content = normalize_({token.content, 0}).text;
    }
  }
  is_special_.resize(static_cast<size_t>(vocabulary_.size()));
  vocabulary_.set_special_ids(parts_.special_ids, parts_.source);
  parts_.special_ids = vocabulary_.special_ids();
  check_template(parts_.prefix_ids, vocabulary_, parts_.source);
  check_template(parts_.suffix_ids, vocabulary_, parts_.source);
  raw_ = AddedTokenMatcher(raw, parts_.source);
  normalized_ = AddedTokenMatcher(normalized, parts_.source);
}

std::vector<int64_t> TokenizerFrame::encode(std::string_view text, Specials specials,
                                            const EncodeStretch& encode_stretch) const {
  std::vector<int64_t> ids;
  if (specials == Specials::kWith) ids = parts_.prefix_ids;
  const std::string valid = is_valid_utf8(text) ? std::string() : replace_invalid_utf8(text);
  const std::string_view whole = valid.empty() ? text : valid;
  for (const TextSegment& raw : raw_.split(whole)) {
    if (raw.id >= 0) {
      ids.push_back(raw.id);
      continue;
    }
    if (raw.text.empty()) continue;
    const bool at_origin = raw.text.data() == whole.data();
    size_t first_character = 0;
    if (at_origin) next_code_point(raw.text, first_character);
    OriginText storage;
    TextPiece stretch{raw.text, at_origin, first_character};
    if (normalize_) {
      storage = normalize_({std::string(raw.text), first_character});
      stretch = {storage.text, at_origin, storage.origin_bytes};
    }
    for (const TextSegment& part : normalized_.split(stretch.text)) {
      const auto start = static_cast<size_t>(part.text.data() - stretch.text.data());
      if (part.id >= 0) {
        ids.push_back(part.id);
      } else if (!part.text.empty()) {
        encode_stretch(stretch.part(start, start + part.text.size()), ids);
      }
    }
  }
  if (specials == Specials::kWith) {
    ids.insert(ids.end(), parts_.suffix_ids.begin(), parts_.suffix_ids.end());
  }
  return ids;
}

std::vector<int64_t> TokenizerFrame::visible(std::span<const int64_t> ids,
                                             Specials specials) const {
  std::vector<int64_t> out;
  out.reserve(ids.size());
  for (const int64_t id : ids) {
    if (!vocabulary_.contains(id)) continue;
    if (specials == Specials::kWithout && is_special_[static_cast<size_t>(id)]) continue;
    out.push_back(id);
  }
  return out;
}

std::string TokenizerFrame::finish(std::string text) const {
  if (!parts_.clean_up_spaces) return text;
  for (const char* mark : {".", "?", "!", ","}) replace_all(text, std::string(" ") + mark, mark);
  replace_all(text, " ' ", "'");
  for (const char* ending : {"n't", "'m", "'s", "'ve", "'re"}) {
    replace_all(text, std::string(" ") + ending, ending);
  }
  return text;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  size_t found = text.find(from);
  if (found == std::string::npos) return;
  std::string out;
  size_t done = 0;
  for (; found != std::string::npos; found = text.find(from, done)) {
    out.append(text, done, found - done).append(to);
    done = found + from.size();
  }
  text = out.append(text, done);
}

}  // namespace blip2
