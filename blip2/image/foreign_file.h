// What a file is that no decoder takes, in words for a message. Used only by decode.cpp.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace blip2::internal {

/// "an HTML page; the server sent it in place of the picture, so download the picture again": what
/// the file is, by its first bytes, and what to do. Never empty.
std::string describe_foreign_file(std::span<const uint8_t> bytes);

}  // namespace blip2::internal
