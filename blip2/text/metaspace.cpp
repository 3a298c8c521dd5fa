// Spaces as U+2581, in front of words.
#include "blip2/text/metaspace.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blip2/base/utf8.h"
#include "blip2/text/tokenizer_frame.h"
#include "blip2/text/unicode_classes.h"

namespace blip2 {

std::vector<std::string> split_metaspace(std::string_view stretch, const Metaspace& options,
                                         bool at_start) {
  std::string text(stretch);
  replace_all(text, " ", kMetaspace);
  const bool prepend = options.prepend == PrependScheme::kAlways ||
                       (options.prepend == PrependScheme::kFirst && at_start);
  if (prepend && !text.starts_with(kMetaspace)) text.insert(0, kMetaspace);
  if (!options.split) return {std::move(text)};
  std::vector<std::string> words;
  for (size_t start = 0; start < text.size();) {
    const size_t stop = std::min(text.find(kMetaspace, start + 1), text.size());
    words.push_back(text.substr(start, stop - start));
    start = stop;
  }
  return words;
}

std::vector<std::string_view> split_white_space(std::string_view text) {
  std::vector<std::string_view> words;
  size_t start = 0, position = 0;
  while (position < text.size()) {
    const size_t here = position;
    if (!is_white_space(next_code_point(text, position))) continue;
    if (start < here) words.push_back(text.substr(start, here - start));
    start = position;
  }
  if (start < text.size()) words.push_back(text.substr(start));
  return words;
}

}  // namespace blip2
