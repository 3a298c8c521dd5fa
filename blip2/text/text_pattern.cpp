// Choosing how a pattern is looked for.
#include "blip2/text/text_pattern.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "blip2/text/json_components.h"

namespace blip2 {
namespace {

std::vector<TextRange> find_all(std::string_view text, std::string_view wanted) {
  std::vector<TextRange> found;
  for (size_t at = text.find(wanted); at != std::string_view::npos;
       at = text.find(wanted, at + wanted.size())) {
    found.push_back({at, at + wanted.size()});
  }
  return found;
}

}  // namespace

TextPattern::TextPattern(const JsonFields& place) {
  allow_only(place, {"String", "Regex"});
  if (place.has("String")) {
    literal_ = place.text("String");
    if (literal_.empty()) regex_.emplace("", place.where());
    return;
  }
  const std::string pattern = place.text("Regex");
  known_ = known_byte_pattern(pattern);
  if (!known_) regex_.emplace(pattern, place.where());
}

std::vector<TextRange> TextPattern::matches(std::string_view text) const {
  if (!literal_.empty()) return find_all(text, literal_);
  if (!known_) return regex_->matches(text);
  std::vector<TextRange> found;
  for (const std::string_view word : split_byte_words(text, *known_)) {
    const auto start = static_cast<size_t>(word.data() - text.data());
    found.push_back({start, start + word.size()});
  }
  return found;
}

}  // namespace blip2
