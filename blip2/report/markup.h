// The smallest pieces of a page: escaped text, bytes as data: URIs, and numbers as people read
// them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace blip2 {

/// Text for an element or a quoted attribute, in HTML and in SVG. Control characters become spaces,
/// and bytes that are not UTF-8 become U+FFFD, so that the result is always well-formed.
std::string escape_markup(std::string_view text);

/// `data:image/png;base64,...` for an encoded picture; the kind (PNG, JPEG, WebP, GIF) is read from
/// its first bytes. Throws kInvalidArgument for bytes that are none of them.
std::string picture_uri(std::string_view encoded);

/// Fixed decimals with a true minus sign; an en dash for NaN and infinities: "0.52", "-".
std::string format_number(double value, int decimals);

/// A whole number with commas: "14,208".
std::string format_count(int64_t value);

}  // namespace blip2
