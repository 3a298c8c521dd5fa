// The EXIF orientation of a JPEG: finding it, and turning pixels upright by it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace blip2::internal {

/// The orientation (1 to 8) in an APP1 segment's payload, or 1 where there is none or it is
/// damaged.
int exif_orientation(std::span<const uint8_t> segment);

/// Whether turning upright exchanges width and height.
bool swaps_sides(int orientation);

/// Pixels [height, width, channels] turned upright; [width, height, channels] if swaps_sides().
std::vector<uint8_t> turn_upright(const std::vector<uint8_t>& pixels, int width, int height,
                                  int channels, int orientation);

}  // namespace blip2::internal
