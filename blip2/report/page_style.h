// The page's one style sheet.
#pragma once

#include <string_view>

namespace blip2 {

/// CSS for everything that this room writes. Colours are variables, one set for light and one for
/// dark; charts name the same variables and carry the light ones as fallback.
std::string_view page_style();

}  // namespace blip2
