// How far each kind of Penn Treebank token reaches from a given place of a text. It only measures;
// choosing among the kinds and cutting is done in ptb_tokens.
#pragma once

#include <string>
#include <string_view>

#include "blip2/metrics/ptb_characters.h"

namespace blip2 {

/// A caption and the rules over it. Each rule gives the end of the longest token of its kind that
/// starts at `begin`, or `begin` where there is none.
class PtbRules {
 public:
  /// `following` is the next caption, see ptb_tokens().
  PtbRules(std::string_view caption, std::string_view following);

  size_t size() const { return text_.size(); }
  /// The character at a place, 0 past the end; lower_at() the same in lower case.
  char32_t at(size_t place) const { return place < text_.size() ? text_[place] : 0; }
  char32_t lower_at(size_t place) const { return place < lower_.size() ? lower_[place] : 0; }
  std::u32string_view lower(size_t begin, size_t end) const;
  bool starts_with(size_t place, std::u32string_view lower_text) const;
  size_t skip_digits(size_t place) const;
  size_t skip_alphanumeric(size_t place) const;

  size_t word_end(size_t begin) const;
  size_t compound_end(size_t begin) const;
  size_t abbreviation_end(size_t begin) const;
  size_t apostrophe_word_end(size_t begin) const;
  size_t company_end(size_t begin) const;
  size_t number_end(size_t begin) const;
  size_t fraction_end(size_t begin) const;
  size_t address_end(size_t begin) const;
  size_t tag_end(size_t begin) const;
  size_t markup_end(size_t begin) const;
  size_t emoticon_end(size_t begin) const;
  size_t clitic_end(size_t begin) const;

 private:
  bool period_ends_sentence(size_t after_period) const;

  std::u32string text_;
  std::u32string lower_;
  std::u32string following_;
};

}  // namespace blip2
