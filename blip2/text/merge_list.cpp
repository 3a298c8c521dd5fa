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

MergeTable read_merge_list(const std::vector<std::string>& merges,
                           const std::function<int64_t(std::string_view)>& id_of,
                           const std::string& source) {
  MergeTable table(merges.size());
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const std::string& merge = merges[rank];
    const auto refuse = [&](const std::string& why) {
      fail(ErrorCode::kCorruptData, "{}: merge {} ({}): {}", source, rank, quote(merge), why);
    };
    const size_t space = merge.find(' ');
    if (space == std::string::npos || merge.find(' ', space + 1) != std::string::npos) {
      refuse("expected two tokens with one space between");
    }
    const std::string parts[] = {merge.substr(0, space), merge.substr(space + 1),
                                 merge.substr(0, space) + merge.substr(space + 1)};
    uint32_t ids[3];
    for (size_t i = 0; i < 3; ++i) {
      const int64_t id = id_of(parts[i]);
      if (id < 0) refuse(quote(parts[i]) + " is no token");
      ids[i] = static_cast<uint32_t>(id);
    }
    if (!table.insert(ids[0], ids[1], {static_cast<uint32_t>(rank), ids[2]})) {
      refuse("it has stood before");
    }
  }
  return table;
}

}  // namespace blip2
