// Which names are names of pictures.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace blip2 {

/// For messages.
inline constexpr const char* kPictureExtensions = ".jpg .jpeg .jpe .jfif .png .webp .gif .bmp";

/// The extensions of pictures that are read, in lower case and with the dot.
const std::vector<std::string>& picture_extensions();

/// Whether a name ends in one of picture_extensions(), in any case.
bool is_picture_name(std::string_view name);

}  // namespace blip2
