// Captions of one style for the demo's pictures, and which captions mean the same. Pure functions
// of text.
#pragma once

#include <string>
#include <string_view>

namespace blip2 {

/// A caption as the demo trains on it: lower case, single spaces, plain apostrophes, no quotation
/// marks, no mark at the end and no dash in front.
std::string tidy_caption(std::string_view text);

/// The first sentence of Tux Paint's text on a stamp ("King. Can move one step ..." -> "King.").
std::string_view first_sentence(std::string_view text);

/// Equal for captions that name the same thing: a tidy caption without its leading article,
/// punctuation, and a plural's last "s". "a strawberry" and "strawberry" have one group.
std::string caption_group(std::string_view tidy_caption);

}  // namespace blip2
