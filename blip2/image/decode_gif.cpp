// GIF by hand: the first frame, on the logical screen, as Pillow shows it.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "blip2/image/codecs.h"
#include "blip2/image/gif_pixels.h"

namespace blip2::internal {
namespace {

using Bytes = std::span<const uint8_t>;

/// The header, and the records up to the first image.
class GifReader {
 public:
  explicit GifReader(const Source& source) : source_(source) { read_screen(); }

  /// Reads up to the first image's pixels.
  void seek_first_image();

  int width() const { return width_; }
  int height() const { return height_; }
  int left() const { return left_; }
  int top() const { return top_; }
  GifFrame frame() const { return frame_; }
  const Palette& palette() const { return palette_; }
  std::optional<uint8_t> transparent_index() const { return transparent_index_; }
  GifEnd read_pixels(const GifFrame& frame) const {
    return read_gif_pixels(source_.bytes.subspan(position_), code_bits_, frame);
  }

 private:
  [[noreturn]] void fail_early() const { fail_damaged(source_, "GIF", "the data end early"); }
  /// At most `num_bytes`; fewer at the end of the file.
  Bytes take(size_t num_bytes) {
    num_bytes = std::min(num_bytes, source_.bytes.size() - position_);
    const Bytes taken = source_.bytes.subspan(position_, num_bytes);
    position_ += num_bytes;
    return taken;
  }
  Bytes need(size_t num_bytes) {
    const Bytes taken = take(num_bytes);
    if (taken.size() < num_bytes) fail_early();
    return taken;
  }
  static int number(Bytes bytes, size_t at) { return bytes[at] | bytes[at + 1] << 8; }
  /// A data block, or nothing at the empty one.
  std::optional<Bytes> block() {
    const Bytes length = take(1);
    if (length.empty() || length[0] == 0) return std::nullopt;
    return take(length[0]);
  }
  void skip_blocks() {
    while (position_ < source_.bytes.size()) {
      const std::optional<Bytes> next = block();
      if (!next || next->empty()) return;
    }
  }

  void read_screen();
  void read_palette(uint8_t flags);
  void read_extension();
  void read_image();

  const Source& source_;
  size_t position_ = 0;
  int width_ = 0, height_ = 0, left_ = 0, top_ = 0;
  GifFrame frame_{};
  Palette palette_ = grey_palette();
  std::optional<uint8_t> transparent_index_;
  int code_bits_ = 0;
};

void GifReader::read_screen() {
  const Bytes screen = need(13);
  width_ = number(screen, 6);
  height_ = number(screen, 8);
  read_palette(screen[10]);
}

/// As Pillow, a palette of greys in order is no palette: an index beyond it is its own grey.
void GifReader::read_palette(uint8_t flags) {
  if ((flags & 0x80) == 0) return;
  const Bytes colours = take(size_t{6} << (flags & 7));
  palette_ = grey_palette();
  bool is_grey = true;
  for (size_t i = 0; i < colours.size(); ++i) is_grey &= colours[i] == i / 3;
  if (is_grey) return;
  palette_ = black_palette();
  for (size_t i = 0; i < colours.size() / 3; ++i) {
    std::copy_n(colours.data() + 3 * i, 3, palette_[i].data());
  }
}

void GifReader::read_extension() {
  constexpr uint8_t kGraphicControl = 0xf9, kComment = 0xfe, kApplication = 0xff;
  const uint8_t label = need(1)[0];
  const std::optional<Bytes> content = block();
  if (label == kGraphicControl && content) {
    if (content->size() < 3) fail_early();
    if (((*content)[0] & 1) != 0) {
      if (content->size() < 4) fail_early();
      transparent_index_ = (*content)[3];
    }
  }
  if (label == kComment && (!content || content->empty())) return;
  constexpr char kLoop[] = "NETSCAPE2.0";
  if (label == kApplication && content && content->size() >= sizeof(kLoop) - 1 &&
      std::memcmp(content->data(), kLoop, sizeof(kLoop) - 1) == 0) {
    block();
  }
  skip_blocks();
}

void GifReader::read_image() {
  const Bytes descriptor = need(9);
  left_ = number(descriptor, 0);
  top_ = number(descriptor, 2);
  frame_.width = static_cast<size_t>(number(descriptor, 4));
  frame_.height = static_cast<size_t>(number(descriptor, 6));
  frame_.is_interlaced = (descriptor[8] & 0x40) != 0;
  read_palette(descriptor[8]);
  code_bits_ = need(1)[0];
}

void GifReader::seek_first_image() {
  constexpr uint8_t kExtension = '!', kImage = ',', kEnd = ';';
  while (true) {
    const Bytes record = take(1);
    if (record.empty() || record[0] == kEnd) fail_damaged(source_, "GIF", "no image in it");
    if (record[0] == kExtension) read_extension();
    if (record[0] != kImage) continue;
    return read_image();
  }
}

}  // namespace

Raster decode_gif(const Source& source) {
  GifReader reader(source);
  reader.seek_first_image();
  GifFrame frame = reader.frame();
  check_size(source, static_cast<int64_t>(frame.width), static_cast<int64_t>(frame.height));
  // A frame that sticks out of the screen enlarges it.
  const int width = std::max(reader.width(), reader.left() + static_cast<int>(frame.width));
  const int height = std::max(reader.height(), reader.top() + static_cast<int>(frame.height));
  check_size(source, width, height);

  Raster raster;
  allocate(raster, width, height, PixelLayout::kPalette);
  raster.palette = reader.palette();
  if (const auto transparent = reader.transparent_index()) {
    std::ranges::fill(raster.samples, *transparent);
    raster.palette[*transparent][3] = 0;
  }
  frame.stride = static_cast<size_t>(width);
  frame.indices = raster.samples.data() + static_cast<size_t>(reader.top()) * frame.stride +
                  static_cast<size_t>(reader.left());
  const GifEnd end = reader.read_pixels(frame);
  if (end == GifEnd::kCutOff) fail_damaged(source, "GIF", "the data end early");
  if (end == GifEnd::kBroken) fail_damaged(source, "GIF", "broken pixels");
  return raster;
}

}  // namespace blip2::internal
