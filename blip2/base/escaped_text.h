// Control characters in text that goes out to people and programs, a line each. What the text says
// is not known here.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace blip2 {

/// The text with every control character (U+0000 to U+001F, U+007F to U+009F) and line separator
/// (U+2028, U+2029) replaced by what `replacement` makes of its code point.
std::string replace_controls(std::string_view text,
                             const std::function<std::string(uint32_t)>& replacement);

/// For messages: control characters become what a programmer writes for them, \n, \t, \x1b, \u2028.
std::string escaped_text(std::string_view text);

}  // namespace blip2
