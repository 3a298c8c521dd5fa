// Merges as text to merges as ids.
#include "blip2/text/merge_list.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"

namespace blip2 {
namespace {

[[noreturn]] void refuse_merge(const std::string& merge, size_t rank, const std::string& source,
                               const std::string& why) {
  fail(ErrorCode::kCorruptData, "{}: merge {} ({}): {}", source, rank, quote(merge), why);
}

}  // namespace

MergePair parse_merge(const std::string& text, size_t rank, const std::string& source) {
  const size_t space = text.find(' ');
  if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos) {
    refuse_merge(text, rank, source, "expected two tokens with one space between");
  }
  return {text.substr(0, space), text.substr(space + 1)};
}

std::vector<MergePair> parse_merges(const std::vector<std::string>& lines,
                                    const std::string& source) {
  std::vector<MergePair> merges;
  merges.reserve(lines.size());
  for (const std::string& line : lines) merges.push_back(parse_merge(line, merges.size(), source));
  return merges;
}

MergeTable read_merge_list(const std::vector<MergePair>& merges, size_t prefix_bytes,
                           const std::function<int64_t(std::string_view)>& id_of,
                           const std::string& source) {
  MergeTable table(merges.size());
  for (size_t rank = merges.size(); rank-- > 0;) {
    const MergePair& merge = merges[rank];
    if (merge.right.size() < prefix_bytes) {
      refuse_merge(merge.left + " " + merge.right, rank, source,
                   "expected a right token with the prefix of continuations");
    }
    const std::string parts[] = {merge.left, merge.right,
                                 merge.left + merge.right.substr(prefix_bytes)};
    uint32_t ids[3];
    for (size_t i = 0; i < 3; ++i) {
      const int64_t id = id_of(parts[i]);
      if (id < 0) {
        refuse_merge(merge.left + " " + merge.right, rank, source,
                     quote(parts[i]) + " is no token");
      }
      ids[i] = static_cast<uint32_t>(id);
    }
    table.insert(ids[0], ids[1], {static_cast<uint32_t>(rank), ids[2]});
  }
  return table;
}

}  // namespace blip2
