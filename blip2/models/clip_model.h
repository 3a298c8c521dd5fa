// CLIP as the tasks see it.
#pragma once

#include "blip2/models/bundle.h"
#include "blip2/models/clip/clip.h"

namespace blip2 {

/// Puts a CLIP into a bundle, image encoder included, with what it can do. The bundle has its
/// tokenizer already.
void put_clip(Bundle& bundle, Clip model);

}  // namespace blip2
