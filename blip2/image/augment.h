// The demo's views of a cut-out picture: plain on white, and augmented. Both take a picture with
// alpha and give an opaque square.
#pragma once

#include <array>

#include "blip2/base/random.h"
#include "blip2/image/image.h"
#include "blip2/image/resize.h"

namespace blip2 {

struct PlacementOptions {
  int frame_size = 224;  ///< side of the square, pixels
  double fill = 0.94;    ///< the picture's longer side, share of the frame
  std::array<uint8_t, 3> background = {255, 255, 255};
  ResizeOrder resize_order = ResizeOrder::kByShape;
};

/// The picture, its longer side resized to fill * frame_size (bicubic, with premultiplied alpha),
/// in the middle of the background. Deterministic.
Image place_on_background(const ImageRgba& image, const PlacementOptions& options = {});

struct AugmentOptions {
  PlacementOptions placement;  ///< the plain view that the augmented one varies
  double flip_probability = 0.5;
  double max_rotation_degrees = 12.0;  ///< uniform within plus and minus
  double min_scale = 0.62;  ///< of the placement; above 1 / fill the frame crops the picture
  double max_scale = 1.18;
  double max_overhang = 0.06;  ///< the picture may pass the frame's edge by this share of its side
  int min_background = 200;    ///< each channel of the background is uniform in this range: pastel
  int max_background = 255;
  double brightness = 0.12;  ///< factors are uniform in 1 - x .. 1 + x
  double contrast = 0.12;
  double saturation = 0.2;
};

/// A random view: flipped, rotated, scaled, shifted, on a pastel background, with slightly other
/// colours. All that is random comes from `random`, always the same number of draws.
Image augmented_view(const ImageRgba& image, const AugmentOptions& options, Random& random);

}  // namespace blip2
