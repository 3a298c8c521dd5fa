// WebP by libwebp: lossy, lossless, with alpha, and the first frame of an animation on its canvas.
#include <webp/decode.h>

#include <cstdint>
#include <cstring>
#include <span>

#include "blip2/image/codecs.h"

namespace blip2::internal {
namespace {

constexpr size_t kChunkHeader = 8;  // a four-letter name and a 32-bit size

uint32_t little_endian(const uint8_t* bytes, int num_bytes) {
  uint32_t value = 0;
  for (int i = num_bytes - 1; i >= 0; --i) value = value << 8 | bytes[i];
  return value;
}

WebPBitstreamFeatures features_of(const Source& source, std::span<const uint8_t> bytes) {
  WebPBitstreamFeatures features;
  const VP8StatusCode status = WebPGetFeatures(bytes.data(), bytes.size(), &features);
  if (status == VP8_STATUS_NOT_ENOUGH_DATA) fail_damaged(source, "WebP", "the data end early");
  if (status != VP8_STATUS_OK) fail_damaged(source, "WebP", "unreadable header");
  check_size(source, features.width, features.height);
  return features;
}

struct Frame {
  std::span<const uint8_t> bytes;  ///< its ALPH and VP8 or VP8L chunks
  int left, top, width, height;
};

/// The first ANMF chunk of an animation (WebP container specification, "Animation").
Frame first_frame(const Source& source) {
  constexpr size_t kFrameHeader = 16;
  size_t position = 12;  // after "RIFF", its size, "WEBP"
  while (position + kChunkHeader <= source.bytes.size()) {
    const uint8_t* chunk = source.bytes.data() + position;
    const size_t size = little_endian(chunk + 4, 4);
    if (size > source.bytes.size() - position - kChunkHeader) break;
    if (std::memcmp(chunk, "ANMF", 4) == 0 && size > kFrameHeader) {
      const uint8_t* header = chunk + kChunkHeader;
      const auto number = [&](size_t offset) {
        return static_cast<int>(little_endian(header + offset, 3));
      };
      return {{header + kFrameHeader, size - kFrameHeader},
              2 * number(0),
              2 * number(3),
              number(6) + 1,
              number(9) + 1};
    }
    position += kChunkHeader + size + size % 2;
  }
  fail_damaged(source, "WebP", "no whole frame");
}

Raster decode_animation(const Source& source, const WebPBitstreamFeatures& canvas) {
  const Frame frame = first_frame(source);
  const WebPBitstreamFeatures features = features_of(source, frame.bytes);
  if (features.width != frame.width || features.height != frame.height ||
      frame.left > canvas.width - frame.width || frame.top > canvas.height - frame.height) {
    fail_damaged(source, "WebP", "the first frame does not fit its canvas");
  }
  Raster raster;
  allocate(raster, canvas.width, canvas.height, PixelLayout::kRgba);
  const size_t stride = static_cast<size_t>(canvas.width) * 4;
  const size_t offset =
      static_cast<size_t>(frame.top) * stride + static_cast<size_t>(frame.left) * 4;
  if (WebPDecodeRGBAInto(frame.bytes.data(), frame.bytes.size(), raster.samples.data() + offset,
                         raster.samples.size() - offset, static_cast<int>(stride)) == nullptr) {
    fail_damaged(source, "WebP", "unreadable first frame");
  }
  if (canvas.has_alpha == 0) {
    for (size_t i = 3; i < raster.samples.size(); i += 4) raster.samples[i] = 255;
  }
  return raster;
}

}  // namespace

/// Refuses a file of several chunks (an animation, metadata) that ends before its header says, as
/// Pillow does, even where the first frame is whole.
void refuse_cut(const Source& source) {
  constexpr size_t kFirstChunk = 12;  // after "RIFF", its size, "WEBP"
  const std::span<const uint8_t> bytes = source.bytes;
  if (bytes.size() < kFirstChunk + 4 || std::memcmp(bytes.data() + kFirstChunk, "VP8X", 4) != 0) {
    return;
  }
  if (little_endian(bytes.data() + 4, 4) > bytes.size() - kChunkHeader) {
    fail_damaged(source, "WebP", "the data end early");
  }
}

Raster decode_webp(const Source& source) {
  const WebPBitstreamFeatures features = features_of(source, source.bytes);
  refuse_cut(source);
  if (features.has_animation != 0) return decode_animation(source, features);
  Raster raster;
  const bool has_alpha = features.has_alpha != 0;
  allocate(raster, features.width, features.height,
           has_alpha ? PixelLayout::kRgba : PixelLayout::kRgb);
  const auto decode_into = has_alpha ? WebPDecodeRGBAInto : WebPDecodeRGBInto;
  if (decode_into(source.bytes.data(), source.bytes.size(), raster.samples.data(),
                  raster.samples.size(), features.width * num_channels(raster.layout)) == nullptr) {
    fail_damaged(source, "WebP", "unreadable pixels");
  }
  return raster;
}

}  // namespace blip2::internal
