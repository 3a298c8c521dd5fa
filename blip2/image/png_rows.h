// The compressed rows of a PNG, inflated and unfiltered. Used only by decode_png.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "blip2/image/png_chunks.h"

namespace blip2::internal {

/// A row of the picture, or of one pass of an interlaced one.
struct PngRow {
  const uint8_t* bytes;  ///< packed samples
  size_t y;
  size_t first_x;
  size_t step_x;
  size_t num_pixels;
};

/// Calls `put` with every row of the pixels, as Pillow's ZipDecode.c reads them: a stream that ends
/// with a row ends the picture, and nothing after the last row is looked at. Errors are
/// kCorruptData.
void read_png_rows(PngChunks& chunks, const Source& source,
                   const std::function<void(const PngRow&)>& put);

}  // namespace blip2::internal
