// Pictures as values: 8-bit interleaved pixels, rows from top to bottom. No file format, no tensor.
#pragma once

#include <cstdint>
#include <vector>

namespace blip2 {

/// An opaque picture.
struct Image {
  int width = 0;             ///< pixels
  int height = 0;            ///< pixels
  std::vector<uint8_t> rgb;  ///< [height, width, 3]
};

/// A picture with straight (not premultiplied) alpha; 0 is transparent.
struct ImageRgba {
  int width = 0;              ///< pixels
  int height = 0;             ///< pixels
  std::vector<uint8_t> rgba;  ///< [height, width, 4]
};

}  // namespace blip2
