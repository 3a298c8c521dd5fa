// WebP by libwebp: lossy, lossless, with alpha, and the first frame of an animation on its canvas.
// The container is read by libwebpdemux, whose word on a whole file is Pillow's.
#include <webp/decode.h>
#include <webp/demux.h>

#include <cstdint>
#include <span>
#include <string>

#include "blip2/image/codecs.h"
#include "blip2/image/orientation.h"

namespace blip2::internal {
namespace {

/// The parsed container, which points into the file's bytes.
class WebpFile {
 public:
  explicit WebpFile(std::span<const uint8_t> bytes) {
    const WebPData data{bytes.data(), bytes.size()};
    demuxer_ = WebPDemux(&data);
  }
  ~WebpFile() {
    WebPDemuxReleaseIterator(&frame_);
    WebPDemuxDelete(demuxer_);
  }
  WebpFile(const WebpFile&) = delete;
  WebpFile& operator=(const WebpFile&) = delete;

  bool is_whole() const { return demuxer_ != nullptr; }
  bool read_first_frame() { return WebPDemuxGetFrame(demuxer_, 1, &frame_) != 0; }
  const WebPIterator& frame() const { return frame_; }
  int64_t width() const { return WebPDemuxGetI(demuxer_, WEBP_FF_CANVAS_WIDTH); }
  int64_t height() const { return WebPDemuxGetI(demuxer_, WEBP_FF_CANVAS_HEIGHT); }
  /// The payload of a chunk, or nothing.
  std::string chunk(const char* name) const {
    WebPChunkIterator found{};
    std::string payload;
    if (WebPDemuxGetChunk(demuxer_, name, 1, &found) != 0) {
      payload.assign(reinterpret_cast<const char*>(found.chunk.bytes), found.chunk.size);
    }
    WebPDemuxReleaseChunkIterator(&found);
    return payload;
  }

 private:
  WebPDemuxer* demuxer_ = nullptr;
  WebPIterator frame_{};
};

WebPBitstreamFeatures features_of(const Source& source) {
  WebPBitstreamFeatures features;
  const VP8StatusCode status = WebPGetFeatures(source.bytes.data(), source.bytes.size(), &features);
  if (status == VP8_STATUS_NOT_ENOUGH_DATA) fail_damaged(source, "WebP", "the data end early");
  if (status != VP8_STATUS_OK) fail_damaged(source, "WebP", "unreadable header");
  check_size(source, features.width, features.height);
  return features;
}

/// The frame at its place on the canvas; the rest is transparent, or black.
void decode_frame(const Source& source, const WebPIterator& frame, Raster& raster) {
  const auto channels = static_cast<size_t>(num_channels(raster.layout));
  const size_t stride = static_cast<size_t>(raster.width) * channels;
  const size_t offset =
      static_cast<size_t>(frame.y_offset) * stride + static_cast<size_t>(frame.x_offset) * channels;
  const auto decode_into =
      raster.layout == PixelLayout::kRgba ? WebPDecodeRGBAInto : WebPDecodeRGBInto;
  if (decode_into(frame.fragment.bytes, frame.fragment.size, raster.samples.data() + offset,
                  raster.samples.size() - offset, static_cast<int>(stride)) == nullptr) {
    fail_damaged(source, "WebP", "unreadable pixels");
  }
}

}  // namespace

Raster decode_webp(const Source& source) {
  const WebPBitstreamFeatures features = features_of(source);
  WebpFile file(source.bytes);
  if (!file.is_whole()) fail_damaged(source, "WebP", "the data end early");
  check_size(source, file.width(), file.height());
  if (!file.read_first_frame()) fail_damaged(source, "WebP", "no whole frame");
  const WebPIterator& frame = file.frame();
  if (frame.width > file.width() - frame.x_offset ||
      frame.height > file.height() - frame.y_offset) {
    fail_damaged(source, "WebP", "the first frame does not fit its canvas");
  }
  Raster raster;
  raster.orientation = orientation_of({file.chunk("EXIF"), file.chunk("XMP ")});
  allocate(raster, static_cast<int>(file.width()), static_cast<int>(file.height()),
           features.has_alpha != 0 ? PixelLayout::kRgba : PixelLayout::kRgb);
  decode_frame(source, frame, raster);
  return raster;
}

}  // namespace blip2::internal
