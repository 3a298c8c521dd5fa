// What the codecs share with decode.cpp, and nobody else: samples as a format stores them, before
// they become RGB or RGBA.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/image/decode.h"

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

/// What a codec reads: the bytes, their name for messages, and the user's limits.
struct Source {
  std::span<const uint8_t> bytes;
  const std::string& name;
  const DecodeOptions& options;
};

/// Refuses an impossible or too large size by the header, before memory is asked for.
void check_size(const Source& source, int64_t width, int64_t height);

[[noreturn]] void fail_damaged(const Source& source, const char* format_name,
                               const std::string& found);

/// Samples for the whole raster, all zero.
void allocate(Raster& raster, int width, int height, PixelLayout layout);

Raster decode_jpeg(const Source& source);
Raster decode_png(const Source& source);
Raster decode_webp(const Source& source);
Raster decode_gif(const Source& source);
Raster decode_bmp(const Source& source);

}  // namespace blip2::internal
