// The orientation that a picture's file states, in EXIF or XMP, and turning pixels upright by it:
// Pillow's ImageOps.exif_transpose.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace blip2::internal {

/// What a file states, for formats of every kind. Empty where it states nothing.
struct StatedOrientation {
  std::string exif;  ///< a TIFF file, with or without "Exif", 0, 0 before it
  std::string xmp;   ///< XML
};

/// 1 (upright) to 8. EXIF before XMP; 1 where nothing is stated or what is stated is damaged.
int orientation_of(const StatedOrientation& stated);

/// Adds the payload of a JPEG's APP1 segment: EXIF that is split over segments, or XMP.
void add_app1(std::string_view segment, StatedOrientation& stated);

/// Whether turning upright exchanges width and height.
bool swaps_sides(int orientation);

/// Pixels [height, width, channels] turned upright; [width, height, channels] if swaps_sides().
std::vector<uint8_t> turn_upright(const std::vector<uint8_t>& pixels, int width, int height,
                                  int channels, int orientation);

}  // namespace blip2::internal
