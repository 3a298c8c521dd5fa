// Layouts, palettes and the checks of sizes.
#include "blip2/image/raster.h"

#include "blip2/base/error.h"

namespace blip2::internal {

int num_channels(PixelLayout layout) {
  switch (layout) {
    case PixelLayout::kGrey:
    case PixelLayout::kPalette:
      return 1;
    case PixelLayout::kGreyAlpha:
      return 2;
    case PixelLayout::kRgb:
      return 3;
    case PixelLayout::kRgba:
    case PixelLayout::kCmyk:
      return 4;
  }
  return 0;
}

Palette grey_palette() {
  Palette palette;
  for (size_t i = 0; i < palette.size(); ++i) {
    const auto grey = static_cast<uint8_t>(i);
    palette[i] = {grey, grey, grey, 255};
  }
  return palette;
}

Palette black_palette() {
  Palette palette;
  palette.fill({0, 0, 0, 255});
  return palette;
}

void check_size(const Source& source, int64_t width, int64_t height) {
  if (width <= 0 || height <= 0) {
    fail(ErrorCode::kCorruptData, "{}: expected a picture of at least 1 x 1 pixel, found {} x {}",
         source.name, width, height);
  }
  if (width > source.max_pixels / height) {
    fail(ErrorCode::kUnsupported, "{}: expected at most {} pixels, found {} x {} by its header",
         source.name, source.max_pixels, width, height);
  }
}

void fail_damaged(const Source& source, const char* format_name, const std::string& found) {
  fail(ErrorCode::kCorruptData, "{}: damaged or cut off {} picture of {} bytes: {}", source.name,
       format_name, source.bytes.size(), found);
}

void allocate(Raster& raster, int width, int height, PixelLayout layout) {
  raster.width = width;
  raster.height = height;
  raster.layout = layout;
  raster.samples.assign(static_cast<size_t>(width) * static_cast<size_t>(height) *
                            static_cast<size_t>(num_channels(layout)),
                        0);
}

}  // namespace blip2::internal
