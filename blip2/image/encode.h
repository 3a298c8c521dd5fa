// Writing pictures: PNG, for reports and heat maps. No other format.
#pragma once

#include <string>

#include "blip2/image/image.h"

namespace blip2 {

/// The bytes of a PNG file of 8-bit RGB or RGBA. Throws kInvalidArgument for an empty picture or
/// one whose pixels do not fit its size.
std::string encode_png(const Image& image);
std::string encode_png(const ImageRgba& image);

}  // namespace blip2
