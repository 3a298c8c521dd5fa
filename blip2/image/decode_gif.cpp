// GIF by giflib: the first frame, on the logical screen, as Pillow shows it.
#include <gif_lib.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>

#include "blip2/image/codecs.h"

namespace blip2::internal {
namespace {

class GifReader {
 public:
  explicit GifReader(const Source& source) : source_(source) {
    int error = 0;
    gif_ = DGifOpen(this, on_read, &error);
    if (gif_ == nullptr) fail_damaged(source_, "GIF", GifErrorString(error));
  }
  ~GifReader() { DGifCloseFile(gif_, nullptr); }
  GifReader(const GifReader&) = delete;
  GifReader& operator=(const GifReader&) = delete;

  /// Reads records up to the first image and its descriptor.
  void seek_first_image();
  /// Reads that image's indices to raster.samples at the frame's place.
  void read_indices(Raster& raster);

  const GifFileType& info() const { return *gif_; }
  const GifImageDesc& frame() const { return gif_->Image; }
  int transparent_index() const { return transparent_index_; }

 private:
  static int on_read(GifFileType* gif, GifByteType* out, int num_bytes) {
    auto& reader = *static_cast<GifReader*>(gif->UserData);
    const size_t left = reader.source_.bytes.size() - reader.position_;
    const size_t count = std::min(left, static_cast<size_t>(std::max(num_bytes, 0)));
    if (count > 0) std::memcpy(out, reader.source_.bytes.data() + reader.position_, count);
    reader.position_ += count;
    return static_cast<int>(count);
  }
  void check(int status) const {
    if (status == GIF_ERROR) {
      const char* text = GifErrorString(gif_->Error);
      fail_damaged(source_, "GIF", text != nullptr ? text : "the data end early");
    }
  }
  void read_extension();

  const Source& source_;
  size_t position_ = 0;
  GifFileType* gif_ = nullptr;
  int transparent_index_ = -1;
};

void GifReader::read_extension() {
  int code = 0;
  GifByteType* block = nullptr;  // its first byte is the block's length
  check(DGifGetExtension(gif_, &code, &block));
  if (code == GRAPHICS_EXT_FUNC_CODE && block != nullptr && block[0] >= 4 && (block[1] & 1) != 0) {
    transparent_index_ = block[4];
  }
  while (block != nullptr) check(DGifGetExtensionNext(gif_, &block));
}

void GifReader::seek_first_image() {
  while (true) {
    GifRecordType type = UNDEFINED_RECORD_TYPE;
    check(DGifGetRecordType(gif_, &type));
    if (type == IMAGE_DESC_RECORD_TYPE) {
      check(DGifGetImageDesc(gif_));
      return;
    }
    if (type == TERMINATE_RECORD_TYPE) fail_damaged(source_, "GIF", "no image in it");
    if (type == EXTENSION_RECORD_TYPE) read_extension();
  }
}

void GifReader::read_indices(Raster& raster) {
  const auto stride = static_cast<size_t>(raster.width);
  uint8_t* const first = raster.samples.data() + static_cast<size_t>(frame().Top) * stride +
                         static_cast<size_t>(frame().Left);
  struct Pass {
    int start, step;
  };
  static constexpr Pass kInterlaced[] = {{0, 8}, {4, 8}, {2, 4}, {1, 2}};
  static constexpr Pass kPlain[] = {{0, 1}};
  const std::span<const Pass> passes =
      frame().Interlace ? std::span<const Pass>(kInterlaced) : std::span<const Pass>(kPlain);
  for (const Pass& pass : passes) {
    for (int y = pass.start; y < frame().Height; y += pass.step) {
      check(DGifGetLine(gif_, first + static_cast<size_t>(y) * stride, frame().Width));
    }
  }
}

}  // namespace

Raster decode_gif(const Source& source) {
  GifReader reader(source);
  reader.seek_first_image();
  const GifImageDesc& frame = reader.frame();
  check_size(source, frame.Width, frame.Height);
  // A frame that sticks out of the screen enlarges it.
  const int width = std::max(reader.info().SWidth, frame.Left + frame.Width);
  const int height = std::max(reader.info().SHeight, frame.Top + frame.Height);
  check_size(source, width, height);

  Raster raster;
  allocate(raster, width, height, PixelLayout::kPalette);
  const int transparent = reader.transparent_index();
  if (transparent > 0) {
    std::fill(raster.samples.begin(), raster.samples.end(), static_cast<uint8_t>(transparent));
  }
  reader.read_indices(raster);
  const ColorMapObject* colours =
      frame.ColorMap != nullptr ? frame.ColorMap : reader.info().SColorMap;
  if (colours != nullptr) raster.palette = black_palette();
  for (int i = 0; colours != nullptr && i < std::min(colours->ColorCount, 256); ++i) {
    const GifColorType& colour = colours->Colors[i];
    raster.palette[static_cast<size_t>(i)] = {colour.Red, colour.Green, colour.Blue, 255};
  }
  if (transparent >= 0) raster.palette[static_cast<size_t>(transparent)][3] = 0;
  return raster;
}

}  // namespace blip2::internal
