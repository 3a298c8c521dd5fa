// The vision transformers of BLIP-2 (EVA-CLIP), BLIP and CLIP as families of image encoders.
#pragma once

#include <string>

#include "blip2/base/json_struct.h"
#include "blip2/models/vision/image_encoder_family.h"
#include "blip2/models/vision/vit.h"

namespace blip2 {

/// `blip_2_vision_model` and `instructblip_vision_model`: EVA-CLIP ViT-g/14 by default.
ImageEncoderFamily blip2_vit_family();
/// `blip_vision_model`: BLIP's ViT-B/16 and L/16.
ImageEncoderFamily blip_vit_family();
/// `clip_vision_model`: OpenAI's CLIP, without its post layer norm.
ImageEncoderFamily clip_vit_family();

/// A configuration without its post layer norm, which belongs to another part. `defaults` stand for
/// absent keys. Throws kCorruptData.
VitConfig parse_vit(const ConfigFields& fields, VitConfig defaults);
/// Every field by the name that it has in Hugging Face's config.json.
std::string vit_json(const VitConfig& config);
/// What a family says of a configuration that it has parsed. `family` is its `model_type`.
ImageEncoderShape vit_shape(const VitConfig& config, const std::string& family);

}  // namespace blip2
