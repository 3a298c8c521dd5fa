// Choosing how a pattern is looked for.
#include "blip2/text/text_pattern.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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

TextPattern::TextPattern(Literal literal, const std::string& source)
    : literal_(std::move(literal.text)) {
  if (literal_.empty()) regex_.emplace("", source);  // which is found everywhere
}

TextPattern::TextPattern(const Expression& expression, const std::string& source)
    : known_(known_byte_pattern(expression.text)) {
  if (!known_) regex_.emplace(expression.text, source);
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
