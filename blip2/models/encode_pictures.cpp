// One batch: stacked, then encoded.
#include "blip2/models/encode_pictures.h"

#include "blip2/models/bundle.h"
#include "blip2/nn/pixel_batch.h"

namespace blip2 {

at::Tensor encode_pictures(const Bundle& bundle,
                           const std::vector<std::span<const float>>& pictures) {
  const int64_t size = bundle.transform.image_size;
  return encode_images(bundle, stack_pixels(pictures, size, size));
}

}  // namespace blip2
