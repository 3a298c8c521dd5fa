// Base64 (RFC 4648, with padding): binary parts of tokenizer.json, pictures in a page.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace blip2 {

std::string encode_base64(std::string_view bytes);

/// The bytes, or nothing where the text is not Base64: another character, a wrong length, bits left
/// over.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace blip2
