// Escapes text for output, a line each, so that it contains no control character.
#pragma once

#include <string>
#include <string_view>

namespace blip2 {

/// Serialised JSON as one line of JSONL: the control characters that JSON allows (U+007F to
/// U+009F) and the line separators U+2028 and U+2029 become \uXXXX; "\n" at the end.
std::string json_line(std::string_view json);

/// Text for a terminal or a column of a table: control characters and line separators become
/// spaces.
std::string plain_text(std::string_view text);

}  // namespace blip2
