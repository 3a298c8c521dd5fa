// Resizing without a filter: each pixel is the source's under its centre. resize.h calls it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace blip2::internal {

/// A picture of [height, width, channels] bytes, whoever owns them.
struct PixelView {
  const uint8_t* data;
  int width;
  int height;
  size_t channels;
};

/// Positions of a resized axis: `count` from `first` on, of `full`.
struct NearestAxis {
  int64_t full;
  int64_t first;
  int count;
};

/// The pixels at those columns and rows: [rows.count, columns.count, channels].
std::vector<uint8_t> nearest_pixels(const PixelView& source, const NearestAxis& columns,
                                    const NearestAxis& rows);

}  // namespace blip2::internal
