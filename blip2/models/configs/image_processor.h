// The image transform as transformers writes it, parsed and written: preprocessor_config.json, or
// `image_processor` of processor_config.json.
#pragma once

#include <string>
#include <string_view>

#include "blip2/image/transforms.h"

namespace blip2 {

/// Whether a processor_config.json has a transform in it, as transformers 5 writes it. Throws
/// kCorruptData where it is not a JSON object.
bool has_image_processor(std::string_view json, const std::string& where);

/// What is known of a transform beside its file.
struct TransformContext {
  std::string model_type = {};  ///< of config.json: the class of a file that names none
  int image_size = 0;           ///< of the encoder, pixels: for a file that gives no size
};

/// A file with a transform as a transform: what the class that it names makes of it, in numbers of
/// its Pillow implementation; and our `resize_mode: place_on_background`. `where` is the file in
/// messages. A setting that this program does not know is refused unless it is null or false.
/// Throws kCorruptData and kUnsupported.
ImageTransform parse_transform(std::string_view json, const std::string& where,
                               const TransformContext& context = {});

/// The content of a preprocessor_config.json that transformers 4 and 5 read alike.
std::string format_transform(const ImageTransform& transform);

}  // namespace blip2
