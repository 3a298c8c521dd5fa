// Counted n-grams of one sentence, shared by BLEU and CIDEr.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "blip2/metrics/ptb_tokens.h"

namespace blip2 {

inline constexpr int kMaxOrder = 4;  // both metrics go up to four words

/// How often each n-gram occurs; `counts[n - 1]` holds those of n words, joined by spaces.
struct Ngrams {
  std::array<std::map<std::string, int64_t>, kMaxOrder> counts;
  int64_t num_words = 0;
};

/// Counts the n-grams of n = 1..4. A word with a no-break space inside counts as two words, since
/// both metrics split the sentence at any white space.
Ngrams count_ngrams(const Words& words);

}  // namespace blip2
