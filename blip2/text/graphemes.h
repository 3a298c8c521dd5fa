// Grapheme clusters: what a reader takes for one character, by the rules of Unicode's annex 29 for
// extended clusters and the reference's tables.
#pragma once

#include <cstddef>
#include <string_view>

namespace blip2 {

/// Where the grapheme cluster that starts at `start` ends. `text` is valid UTF-8 and longer than
/// `start`, which must be the start of a cluster.
size_t end_of_grapheme(std::string_view text, size_t start);

}  // namespace blip2
