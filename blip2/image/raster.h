// Samples as a picture's format stores them, before they become RGB or RGBA; and the checks that
// every codec makes. Used only by decode*.cpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace blip2::internal {

enum class PixelLayout { kGrey, kGreyAlpha, kRgb, kRgba, kPalette, kCmyk };

/// Bytes per pixel.
int num_channels(PixelLayout layout);

/// 256 colours of R, G, B, A. Without a palette an index is a grey; of a palette that is too short
/// the other entries are black (both as in Pillow).
using Palette = std::array<std::array<uint8_t, 4>, 256>;
Palette grey_palette();
Palette black_palette();

struct Raster {
  int width = 0;
  int height = 0;
  PixelLayout layout = PixelLayout::kRgb;
  std::vector<uint8_t> samples;      ///< [height, width, num_channels(layout)]
  Palette palette = grey_palette();  ///< for kPalette
  int orientation = 1;               ///< EXIF, 1 (upright) to 8
};

/// What a codec reads.
struct Source {
  std::span<const uint8_t> bytes;
  const std::string& name;  ///< for messages
  int64_t max_pixels;       ///< DecodeOptions::max_pixels
};

/// Refuses an impossible or too large size by the header, before memory is asked for.
void check_size(const Source& source, int64_t width, int64_t height);

[[noreturn]] void fail_damaged(const Source& source, const char* format_name,
                               const std::string& found);

/// Samples for the whole raster, all zero.
void allocate(Raster& raster, int width, int height, PixelLayout layout);

}  // namespace blip2::internal
