// Reading pictures: JPEG, PNG, WebP, GIF and BMP by their magic bytes, into the values that Pillow
// gives. It does not read files, resize, or apply colour profiles.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "blip2/image/image.h"

namespace blip2 {

struct DecodeOptions {
  int64_t max_pixels =
      89'478'485;  ///< width x height above this is refused by the header (Pillow's limit)
  /// Turns pictures upright as Pillow's ImageOps.exif_transpose: by EXIF, else XMP, in JPEG, PNG and
  /// WebP, which are the formats that carry an orientation.
  bool exif_rotate = false;
};

/// Decodes as Pillow's `Image.open(f).convert("RGB")`: alpha is dropped, not blended; transparent
/// palette entries keep their colour; 16-bit grey saturates, 16-bit colour keeps the high byte;
/// CMYK by the naive formula. Of a GIF or an animated WebP it is the first frame, on its canvas.
/// `name` is what error messages call the picture. Thread-safe.
/// Throws kCorruptData (empty, cut off, damaged, no picture) or kUnsupported (more than max_pixels,
/// a variant of a format that is not read).
Image decode(std::span<const std::byte> bytes, const std::string& name,
             const DecodeOptions& options = {});

/// The same with straight alpha, as Pillow's `convert("RGBA")`; opaque pictures get alpha 255.
/// Unlike Pillow, a PNG's transparent colour is compared at the file's own bit depth, as the PNG
/// standard says.
ImageRgba decode_rgba(std::span<const std::byte> bytes, const std::string& name,
                      const DecodeOptions& options = {});

}  // namespace blip2
