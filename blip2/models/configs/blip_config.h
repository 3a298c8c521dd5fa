// The config.json of a BLIP-1 and of a CLIP directory as values.
#pragma once

#include <cstdint>
#include <string>

#include "blip2/models/blip/text_decoder.h"
#include "blip2/models/clip/clip.h"
#include "blip2/models/configs/directory_kind.h"
#include "blip2/models/vision/image_encoder_family.h"

namespace blip2 {

/// config.json of a blip directory (BLIP-1).
struct BlipConfig {
  DirectoryKind kind = DirectoryKind::kBlipCaptioning;
  std::string vision_json, text_json;  ///< as they are
  ImageEncoderShape image_encoder;     ///< of `vision_json`
  BlipTextConfig text;
  int64_t image_text_hidden_size = 256;  ///< E
  double image_norm_eps = 1e-5;          ///< vision_config.layer_norm_eps
  OutputMatrix output = OutputMatrix::kTied;
};

/// Parse the config.json of a blip and of a clip directory. Throw kCorruptData for a value that is
/// out of range, naming file and key.
BlipConfig parse_blip(const ConfigFields& fields);
ClipConfig parse_clip(const ConfigFields& fields);

}  // namespace blip2
