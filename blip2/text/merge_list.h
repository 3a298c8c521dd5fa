// The merges of a tokenizer's files, as text.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "blip2/text/merge_table.h"

namespace blip2 {

/// Builds the table of merges: "left right", the first merged first. `id_of` gives the id of a
/// piece, -1 for none. Throws kCorruptData for a merge that is not two pieces whose whole is one,
/// or that occurs twice; `source` names the file.
MergeTable read_merge_list(const std::vector<std::string>& merges,
                           const std::function<int64_t(std::string_view)>& id_of,
                           const std::string& source);

}  // namespace blip2
