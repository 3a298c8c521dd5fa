// The merges of a tokenizer's files, as text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "blip2/text/merge_table.h"

namespace blip2 {

/// Two tokens that become one.
struct MergePair {
  std::string left, right;
};

/// Takes "left right" apart. Throws kCorruptData for text that is not two tokens with one space
/// between; `rank` and `source` name it.
MergePair parse_merge(const std::string& text, size_t rank, const std::string& source);
/// The same for a list, the first merged first.
std::vector<MergePair> parse_merges(const std::vector<std::string>& lines,
                                    const std::string& source);

/// Builds the table of merges, the first merged first; of equal ones the last counts, as in the
/// reference. The whole lacks the first `prefix_bytes` of the right part. `id_of` gives the id of a
/// piece, -1 for none. Throws kCorruptData for a merge of what is no piece; `source` names the file.
MergeTable read_merge_list(const std::vector<MergePair>& merges, size_t prefix_bytes,
                           const std::function<int64_t(std::string_view)>& id_of,
                           const std::string& source);

}  // namespace blip2
