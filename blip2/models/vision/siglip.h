// SigLIP's image encoder (Zhai et al. 2023), a vision transformer without a class token, as a
// family of image encoders.
#pragma once

#include "blip2/models/vision/image_encoder_family.h"

namespace blip2 {

/// `siglip_vision_model`: Hugging Face's `SiglipVisionModel` under its names, which begin with
/// `vision_model.`. The output is the reference's last hidden state: a token for each patch, after
/// the model's own `post_layernorm`. The pooling head is loaded and saved, and not used. Positions
/// are resized (bicubic) for pictures of other sizes than `image_size`. For inference only.
ImageEncoderFamily siglip_family();

}  // namespace blip2
