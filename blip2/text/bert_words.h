// BERT's way from raw text to words: clean-up, lower-casing, accents, spaces, punctuation. Ids come
// later (wordpiece.h).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace blip2 {

/// The switches of the reference's BertNormalizer; all on for the uncased models.
struct BertNormalization {
  bool clean_text = true;     ///< drops control characters, makes all white space a space
  bool space_cjk = true;      ///< a space on both sides of every CJK ideograph
  bool strip_accents = true;  ///< canonical decomposition, then without non-spacing marks
  bool lower_case = true;
};

/// The normalised form of valid UTF-8 text.
std::string normalize_bert(std::string_view text, const BertNormalization& options);

/// The words of normalised text, in order: split at white space, and each punctuation character is
/// a word. They point into `text`.
std::vector<std::string_view> split_bert_words(std::string_view text);

}  // namespace blip2
