// Finding added tokens in a text, the longest first.
#include "blip2/text/added_tokens.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/base/utf8.h"
#include "blip2/text/unicode_classes.h"

namespace blip2 {
namespace {

bool stands_alone(std::string_view text, size_t start, size_t stop) {
  size_t before = start, after = stop;
  return (start == 0 || !is_word_character(previous_code_point(text, before))) &&
         (stop == text.size() || !is_word_character(next_code_point(text, after)));
}

size_t swallow_left(std::string_view text, size_t start) {
  while (start > 0) {
    size_t before = start;
    if (!is_white_space(previous_code_point(text, before))) break;
    start = before;
  }
  return start;
}

size_t swallow_right(std::string_view text, size_t stop) {
  while (stop < text.size()) {
    size_t after = stop;
    if (!is_white_space(next_code_point(text, after))) break;
    stop = after;
  }
  return stop;
}

}  // namespace

AddedTokenMatcher::AddedTokenMatcher(const std::vector<AddedToken>& tokens,
                                     const std::string& source) {
  for (const AddedToken& token : tokens) {
    if (token.content.size() > kMaxBytes) {
      fail(ErrorCode::kCorruptData, "{}: added token {}: expected at most {} bytes, found {}",
           source, token.id, kMaxBytes, token.content.size());
    }
    if (token.content.empty()) continue;
    tokens_.emplace(token.content, token);  // of equal ones the first counts
    lengths_.push_back(token.content.size());
    starts_[static_cast<uint8_t>(token.content[0])] = true;
  }
  std::sort(lengths_.begin(), lengths_.end(), std::greater<>());
  lengths_.erase(std::unique(lengths_.begin(), lengths_.end()), lengths_.end());
}

const AddedToken* AddedTokenMatcher::match(std::string_view rest) const {
  for (const size_t length : lengths_) {
    if (length > rest.size()) continue;
    const auto found = tokens_.find(rest.substr(0, length));
    if (found != tokens_.end()) return &found->second;
  }
  return nullptr;
}

std::vector<TextSegment> AddedTokenMatcher::split(std::string_view text) const {
  std::vector<TextSegment> segments;
  size_t done = 0;  // where ordinary text that is not yet a segment starts
  for (size_t position = 0; position < text.size();) {
    const AddedToken* token =
        starts_[static_cast<uint8_t>(text[position])] ? match(text.substr(position)) : nullptr;
    if (token == nullptr) {
      ++position;
      continue;
    }
    size_t start = position, stop = position + token->content.size();
    position = stop;
    if (token->single_word && !stands_alone(text, start, stop)) continue;
    if (token->lstrip) start = std::min(std::max(swallow_left(text, start), done), stop);
    if (token->rstrip) stop = swallow_right(text, stop);
    if (done < start) segments.push_back({text.substr(done, start - done), -1});
    segments.push_back({text.substr(start, stop - start), token->id});
    // A token that starts with what its neighbour swallowed gives the rest of that back, as in the
    // reference.
    done = stop;
  }
  if (done < text.size()) segments.push_back({text.substr(done), -1});
  return segments;
}

}  // namespace blip2
