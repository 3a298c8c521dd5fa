// The format by its magic bytes, and the way from stored samples to RGB and RGBA.
#include "blip2/image/decode.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blip2/image/codecs.h"
#include "blip2/image/foreign_file.h"
#include "blip2/image/orientation.h"
#include "blip2/image/raster.h"

namespace blip2 {
namespace internal {

namespace {

bool starts_with(std::span<const uint8_t> bytes, std::string_view magic, size_t offset = 0) {
  return bytes.size() >= offset + magic.size() &&
         std::memcmp(bytes.data() + offset, magic.data(), magic.size()) == 0;
}

Raster decode_raster(const Source& source) {
  const auto bytes = source.bytes;
  if (starts_with(bytes, "\xff\xd8\xff")) return decode_jpeg(source);
  if (starts_with(bytes, "\x89PNG\r\n\x1a\n")) return decode_png(source);
  if (starts_with(bytes, "RIFF") && starts_with(bytes, "WEBP", 8)) return decode_webp(source);
  if (starts_with(bytes, "GIF87a") || starts_with(bytes, "GIF89a")) return decode_gif(source);
  if (starts_with(bytes, "BM")) return decode_bmp(source);
  fail(ErrorCode::kCorruptData, "{}: expected a JPEG, PNG, WebP, GIF or BMP picture, found {}",
       source.name, describe_foreign_file(bytes));
}

/// a * b / 255, rounded, in the integer form that Pillow uses.
int multiply_255(int a, int b) {
  const int product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

/// One pixel of the raster as R, G, B, A.
template <PixelLayout layout>
std::array<uint8_t, 4> to_rgba_pixel(const uint8_t* sample, const Palette& palette) {
  if constexpr (layout == PixelLayout::kGrey) return {sample[0], sample[0], sample[0], 255};
  if constexpr (layout == PixelLayout::kGreyAlpha) {
    return {sample[0], sample[0], sample[0], sample[1]};
  }
  if constexpr (layout == PixelLayout::kRgb) return {sample[0], sample[1], sample[2], 255};
  if constexpr (layout == PixelLayout::kRgba) return {sample[0], sample[1], sample[2], sample[3]};
  if constexpr (layout == PixelLayout::kPalette) return palette[sample[0]];
  if constexpr (layout == PixelLayout::kCmyk) {
    const int not_black = 255 - sample[3];
    const auto colour = [&](int i) {
      return static_cast<uint8_t>(
          std::clamp(not_black - multiply_255(sample[i], not_black), 0, 255));
    };
    return {colour(0), colour(1), colour(2), 255};
  }
}

template <PixelLayout layout>
void convert(const Raster& raster, int out_channels, uint8_t* out) {
  const auto step = static_cast<size_t>(num_channels(layout));
  const auto out_step = static_cast<size_t>(out_channels);
  const uint8_t* const end = raster.samples.data() + raster.samples.size();
  for (const uint8_t* in = raster.samples.data(); in != end; in += step, out += out_step) {
    const auto pixel = to_rgba_pixel<layout>(in, raster.palette);
    for (size_t i = 0; i < out_step; ++i) out[i] = pixel[i];
  }
}

/// The raster's pixels with 3 (RGB) or 4 (RGBA) channels; the raster is used up.
std::vector<uint8_t> convert(Raster&& raster, int out_channels) {
  const bool same = (raster.layout == PixelLayout::kRgb && out_channels == 3) ||
                    (raster.layout == PixelLayout::kRgba && out_channels == 4);
  if (same) return std::move(raster.samples);
  std::vector<uint8_t> out(static_cast<size_t>(raster.width) * static_cast<size_t>(raster.height) *
                           static_cast<size_t>(out_channels));
  switch (raster.layout) {
    case PixelLayout::kGrey:
      convert<PixelLayout::kGrey>(raster, out_channels, out.data());
      break;
    case PixelLayout::kGreyAlpha:
      convert<PixelLayout::kGreyAlpha>(raster, out_channels, out.data());
      break;
    case PixelLayout::kRgb:
      convert<PixelLayout::kRgb>(raster, out_channels, out.data());
      break;
    case PixelLayout::kRgba:
      convert<PixelLayout::kRgba>(raster, out_channels, out.data());
      break;
    case PixelLayout::kPalette:
      convert<PixelLayout::kPalette>(raster, out_channels, out.data());
      break;
    case PixelLayout::kCmyk:
      convert<PixelLayout::kCmyk>(raster, out_channels, out.data());
      break;
  }
  return out;
}

struct Decoded {
  int width;
  int height;
  std::vector<uint8_t> pixels;
};

Decoded decode_channels(std::span<const std::byte> bytes, const std::string& name,
                        const DecodeOptions& options, int channels) {
  const Source source{
      {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, name, options.max_pixels};
  Raster raster = decode_raster(source);
  Decoded decoded{raster.width, raster.height, {}};
  const int orientation = options.exif_rotate ? raster.orientation : 1;
  decoded.pixels = convert(std::move(raster), channels);
  if (orientation != 1) {
    decoded.pixels =
        turn_upright(decoded.pixels, decoded.width, decoded.height, channels, orientation);
    if (swaps_sides(orientation)) std::swap(decoded.width, decoded.height);
  }
  return decoded;
}

}  // namespace
}  // namespace internal

Image decode(std::span<const std::byte> bytes, const std::string& name,
             const DecodeOptions& options) {
  internal::Decoded decoded = internal::decode_channels(bytes, name, options, 3);
  return {decoded.width, decoded.height, std::move(decoded.pixels)};
}

ImageRgba decode_rgba(std::span<const std::byte> bytes, const std::string& name,
                      const DecodeOptions& options) {
  internal::Decoded decoded = internal::decode_channels(bytes, name, options, 4);
  return {decoded.width, decoded.height, std::move(decoded.pixels)};
}

}  // namespace blip2
