// LAVIS's RandomAugment with two operations of level 5, as its `blip_image_train` has it behind
// crop and flip (LAVIS 1.0.2, processors/randaugment.py).
#pragma once

#include "blip2/base/random.h"
#include "blip2/image/image.h"

namespace blip2 {

/// At level 5 brightness and sharpness get the factor 1, which is the identity: they are drawn and
/// do nothing.
enum class AugmentOperation {
  kIdentity,
  kAutoContrast,
  kBrightness,
  kSharpness,
  kEqualize,
  kShearX,
  kShearY,
  kTranslateX,
  kTranslateY,
  kRotate,
};
inline constexpr int kNumAugmentOperations = 10;

/// The picture after one operation. Contrast is stretched and equalised in each channel, as by
/// Pillow; shears are of 0.15 around the first pixel, shifts of 5 pixels, rotations of 15 degrees
/// around the middle, times `sign` (1 or -1), bilinear in steps of 1/32 pixel as by OpenCV, on grey
/// 128.
Image apply_operation(Image image, AugmentOperation operation, double sign);

/// Two operations, drawn with replacement, each applied with probability 0.5. Always six draws.
Image rand_augment(Image image, Random& random);

}  // namespace blip2
