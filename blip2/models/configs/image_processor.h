// preprocessor_config.json as an image transform, parsed and written.
#pragma once

#include <string>
#include <string_view>

#include "blip2/image/transforms.h"

namespace blip2 {

/// preprocessor_config.json, of BlipImageProcessor (squash) or with `shortest_edge` and `crop_size`
/// (crop), and with our `resize_mode: place_on_background`. `where` stands for the file in
/// messages. Throws kCorruptData and kUnsupported.
ImageTransform parse_transform(std::string_view json, const std::string& where);
std::string format_transform(const ImageTransform& transform);

}  // namespace blip2
