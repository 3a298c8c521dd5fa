// BERT's normalisation, then words between white space and punctuation.
#include "blip2/text/bert_words.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "blip2/base/utf8.h"
#include "blip2/text/canonical_form.h"
#include "blip2/text/unicode_classes.h"

namespace blip2 {

std::string normalize_bert(std::string_view text, const BertNormalization& options) {
  std::u32string cleaned;
  cleaned.reserve(text.size());
  for (size_t position = 0; position < text.size();) {
    char32_t c = next_code_point(text, position);
    if (options.clean_text) {
      if (is_bert_control(c)) continue;
      if (is_white_space(c)) c = U' ';
    }
    if (options.space_cjk && is_bert_ideograph(c)) {
      cleaned += {U' ', c, U' '};
    } else {
      cleaned.push_back(c);
    }
  }
  if (options.strip_accents) cleaned = strip_accents(cleaned);
  if (!options.lower_case) return to_utf8(cleaned);
  std::u32string lowered;
  lowered.reserve(cleaned.size());
  for (const char32_t c : cleaned) append_lower_case(lowered, c);
  return to_utf8(lowered);
}

std::vector<std::string_view> split_bert_words(std::string_view text) {
  std::vector<std::string_view> words;
  size_t start = 0;
  const auto end_word = [&](size_t stop) {
    if (start < stop) words.push_back(text.substr(start, stop - start));
  };
  for (size_t position = 0; position < text.size();) {
    const size_t here = position;
    const char32_t c = next_code_point(text, position);
    const bool punctuation = is_bert_punctuation(c);
    if (!punctuation && !is_white_space(c)) continue;
    end_word(here);
    if (punctuation) words.push_back(text.substr(here, position - here));
    start = position;
  }
  end_word(text.size());
  return words;
}

}  // namespace blip2
