// How text from outside appears in messages and in rows: on one line, whatever it holds.
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

/// A whole message: control characters as a programmer writes them, \n, \t, \x1b, \u2028, and
/// bytes that are not UTF-8 as \xNN.
std::string escaped_text(std::string_view text);

/// A name or a value within a message: escaped_text(), truncated after 120 bytes.
std::string printable(std::string_view text);

/// printable() in double quotes.
std::string quote(std::string_view text);

}  // namespace blip2
