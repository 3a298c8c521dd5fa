// The list of image encoder families, and the one way from a configuration to a family's shape.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "blip2/models/vision/image_encoder_family.h"

namespace blip2 {

/// All families, in the order in which messages name them.
const std::vector<ImageEncoderFamily>& image_encoder_families();

/// Whether a `model_type` is one of an image encoder.
bool is_image_encoder(std::string_view model_type);

/// Parses a `vision_config`, or the config.json of a lone image encoder, by its `model_type`
/// (absent: BLIP-2's). `where` stands for the file of a text in messages. Throws kUnsupported for an unknown
/// type, and kCorruptData.
ImageEncoderShape parse_image_encoder(const ConfigFields& fields);
ImageEncoderShape parse_image_encoder(std::string_view json, const std::string& where);

}  // namespace blip2
