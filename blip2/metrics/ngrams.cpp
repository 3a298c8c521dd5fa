// Counting n-grams.
#include "blip2/metrics/ngrams.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace blip2 {
namespace {

Words split_at_no_break_spaces(const Words& words) {
  constexpr std::string_view kNoBreakSpace = "\xC2\xA0";
  Words pieces;
  for (const std::string& word : words) {
    size_t begin = 0;
    while (begin <= word.size()) {
      const size_t end = std::min(word.find(kNoBreakSpace, begin), word.size());
      if (end > begin) pieces.push_back(word.substr(begin, end - begin));
      begin = end + kNoBreakSpace.size();
    }
  }
  return pieces;
}

}  // namespace

Ngrams count_ngrams(const Words& words) {
  const Words pieces = split_at_no_break_spaces(words);
  Ngrams ngrams;
  ngrams.num_words = static_cast<int64_t>(pieces.size());
  for (size_t begin = 0; begin < pieces.size(); ++begin) {
    std::string ngram;
    for (size_t n = 0; n < kMaxOrder && begin + n < pieces.size(); ++n) {
      if (n > 0) ngram += ' ';
      ngram += pieces[begin + n];
      ++ngrams.counts[n][ngram];
    }
  }
  return ngrams;
}

}  // namespace blip2
