// PNG by libpng, into memory.
#include "blip2/image/encode.h"

#include <png.h>

#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "blip2/base/error.h"

namespace blip2 {
namespace {

/// The library's state. Its errors leave by longjmp, so write() has only trivial locals.
class PngWriter {
 public:
  PngWriter() = default;
  ~PngWriter() { png_destroy_write_struct(&png_, &info_); }
  PngWriter(const PngWriter&) = delete;
  PngWriter& operator=(const PngWriter&) = delete;

  bool write(int width, int height, int channels, const uint8_t* pixels);
  std::string& bytes() { return bytes_; }
  const char* message() const { return message_; }

 private:
  [[noreturn]] static void on_error(png_structp png, png_const_charp text) {
    auto& writer = *static_cast<PngWriter*>(png_get_error_ptr(png));
    std::snprintf(writer.message_, sizeof(writer.message_), "%s", text);
    png_longjmp(png, 1);
  }
  static void on_warning(png_structp, png_const_charp) {}
  static void on_flush(png_structp) {}
  static void on_write(png_structp png, png_bytep data, size_t num_bytes) {
    auto& writer = *static_cast<PngWriter*>(png_get_io_ptr(png));
    bool full = false;
    try {  // an exception must not pass through the library's C frames
      writer.bytes_.append(reinterpret_cast<const char*>(data), num_bytes);
    } catch (const std::exception&) {
      full = true;
    }
    if (full) png_error(png, "out of memory");
  }

  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  std::string bytes_;
  char message_[128] = "out of memory";
};

bool PngWriter::write(int width, int height, int channels, const uint8_t* pixels) {
  png_ = png_create_write_struct(PNG_LIBPNG_VER_STRING, this, on_error, on_warning);
  if (png_ == nullptr) return false;
  if (setjmp(png_jmpbuf(png_)) != 0) return false;
  info_ = png_create_info_struct(png_);
  if (info_ == nullptr) return false;
  png_set_write_fn(png_, this, on_write, on_flush);
  png_set_IHDR(png_, info_, static_cast<png_uint_32>(width), static_cast<png_uint_32>(height), 8,
               channels == 4 ? PNG_COLOR_TYPE_RGB_ALPHA : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png_, info_);
  const size_t stride = static_cast<size_t>(width) * static_cast<size_t>(channels);
  for (int y = 0; y < height; ++y) png_write_row(png_, pixels + static_cast<size_t>(y) * stride);
  png_write_end(png_, nullptr);
  return true;
}

std::string encode(int width, int height, int channels, const std::vector<uint8_t>& pixels) {
  if (width <= 0 || height <= 0 ||
      pixels.size() != static_cast<size_t>(width) * static_cast<size_t>(height) *
                           static_cast<size_t>(channels)) {
    fail(ErrorCode::kInvalidArgument, "encode_png: expected {} x {} x {} bytes, found {}", width,
         height, channels, pixels.size());
  }
  PngWriter writer;
  if (!writer.write(width, height, channels, pixels.data())) {
    fail(ErrorCode::kInternal, "encode_png: libpng refused {} x {} pixels: {}", width, height,
         writer.message());
  }
  return std::move(writer.bytes());
}

}  // namespace

std::string encode_png(const Image& image) {
  return encode(image.width, image.height, 3, image.rgb);
}

std::string encode_png(const ImageRgba& image) {
  return encode(image.width, image.height, 4, image.rgba);
}

}  // namespace blip2
