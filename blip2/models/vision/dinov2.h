// DINOv2 (Oquab et al. 2023), a vision transformer with LayerScale, as a family of image encoders.
#pragma once

#include "blip2/models/vision/image_encoder_family.h"

namespace blip2 {

/// `dinov2`: Hugging Face's `Dinov2Model` under its names. The output is the reference's last hidden
/// state: all tokens, the class token first, after the model's own `layernorm`. Positions are
/// resized (bicubic) for pictures of other sizes than `image_size`. For inference only.
/// `use_swiglu_ffn` (ViT-g/14) is refused with kUnsupported.
ImageEncoderFamily dinov2_family();

}  // namespace blip2
