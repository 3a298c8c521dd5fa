// PNG: all colour types, 1 to 16 bits, palettes, tRNS, interlaced. Colour profiles and gamma are
// not applied, as in Pillow. APNG: the default image.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "blip2/image/codecs.h"
#include "blip2/image/png_chunks.h"
#include "blip2/image/png_rows.h"

namespace blip2::internal {
namespace {

/// Samples of a row to the raster's bytes.
class PngUnpacker {
 public:
  PngUnpacker(const PngHeader& header, Raster& raster);
  void put(const PngRow& row);

 private:
  /// Sample i of a row.
  int sample(const uint8_t* bytes, size_t i) const {
    if (depth_ == 8) return bytes[i];
    if (depth_ == 16) return bytes[2 * i] << 8 | bytes[2 * i + 1];
    const size_t at = i * static_cast<size_t>(depth_);
    return bytes[at / 8] >> (8 - depth_ - static_cast<int>(at % 8)) & ((1 << depth_) - 1);
  }
  /// To 8 bits. Wide grey saturates, as in Pillow, whose mode "I;16" holds the number itself; of
  /// wide colours and alpha the high byte is left.
  uint8_t narrow(int value) const {
    if (colour_type_ == 3) return static_cast<uint8_t>(value);
    if (depth_ == 16) {
      return static_cast<uint8_t>(colour_type_ == 0 ? std::min(value, 255) : value >> 8);
    }
    return static_cast<uint8_t>(value * 255 / ((1 << depth_) - 1));
  }

  int depth_, colour_type_;
  size_t num_samples_;   // of a pixel in the file
  size_t num_channels_;  // of the raster: one more with a transparent colour
  std::array<int, 3> key_{};
  Raster& raster_;
};

PngUnpacker::PngUnpacker(const PngHeader& header, Raster& raster)
    : depth_(header.depth), colour_type_(header.colour_type), raster_(raster) {
  const bool has_key = (colour_type_ == 0 && header.transparency.size() >= 2) ||
                       (colour_type_ == 2 && header.transparency.size() >= 6);
  const std::array<PixelLayout, 7> layouts = {
      has_key ? PixelLayout::kGreyAlpha : PixelLayout::kGrey,
      PixelLayout::kGrey,  // no such type
      has_key ? PixelLayout::kRgba : PixelLayout::kRgb,
      PixelLayout::kPalette,
      PixelLayout::kGreyAlpha,
      PixelLayout::kGrey,  // no such type
      PixelLayout::kRgba};
  allocate(raster, static_cast<int>(header.width), static_cast<int>(header.height),
           layouts[static_cast<size_t>(colour_type_)]);
  num_channels_ = static_cast<size_t>(num_channels(raster.layout));
  num_samples_ = num_channels_ - (has_key ? 1 : 0);
  for (size_t i = 0; has_key && i < num_samples_; ++i) {
    key_[i] = header.transparency[2 * i] << 8 | header.transparency[2 * i + 1];
  }
}

void PngUnpacker::put(const PngRow& row) {
  uint8_t* const line =
      raster_.samples.data() + row.y * static_cast<size_t>(raster_.width) * num_channels_;
  const bool has_key = num_channels_ != num_samples_;
  if (depth_ == 8 && !has_key && row.step_x == 1) {
    std::memcpy(line + row.first_x * num_channels_, row.bytes, row.num_pixels * num_channels_);
    return;
  }
  for (size_t pixel = 0; pixel < row.num_pixels; ++pixel) {
    uint8_t* out = line + (row.first_x + pixel * row.step_x) * num_channels_;
    bool is_key = has_key;
    for (size_t i = 0; i < num_samples_; ++i) {
      const int value = sample(row.bytes, pixel * num_samples_ + i);
      is_key = is_key && value == key_[i];
      out[i] = narrow(value);
    }
    if (has_key) out[num_samples_] = is_key ? 0 : 255;
  }
}

void read_palette(const PngHeader& header, Palette& palette) {
  const size_t num_colours = std::min(header.palette.size() / 3, palette.size());
  palette = black_palette();
  for (size_t i = 0; i < num_colours; ++i) {
    std::copy_n(header.palette.data() + 3 * i, 3, palette[i].data());
  }
  for (size_t i = 0; i < std::min(header.transparency.size(), palette.size()); ++i) {
    palette[i][3] = header.transparency[i];
  }
}

}  // namespace

Raster decode_png(const Source& source) {
  PngChunks chunks(source);
  Raster raster;
  PngUnpacker unpacker(chunks.header(), raster);
  read_png_rows(chunks, source, [&](const PngRow& row) { unpacker.put(row); });
  // What follows the pixels is no palette of theirs.
  if (raster.layout == PixelLayout::kPalette) read_palette(chunks.header(), raster.palette);
  chunks.read_rest();
  raster.orientation = chunks.orientation();
  return raster;
}

}  // namespace blip2::internal
