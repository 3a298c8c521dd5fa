// The LZW-coded indices of a GIF's image. Used only by decode_gif.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace blip2::internal {

/// Where the indices go: a frame on the picture.
struct GifFrame {
  uint8_t* indices;  ///< of its first pixel
  size_t stride;     ///< bytes from a row of the picture to the next
  size_t width;
  size_t height;
  bool is_interlaced;
};

enum class GifEnd { kWhole, kCutOff, kBroken };

/// Reads the frame from `data`, the file from the first block on; `code_bits` is the byte before
/// it. Pillow's GifDecode.c: the pixels must be whole, what follows them need not.
GifEnd read_gif_pixels(std::span<const uint8_t> data, int code_bits, const GifFrame& frame);

}  // namespace blip2::internal
