// PNG by libpng: all colour types, 1 to 16 bits, palettes, tRNS, interlaced. Other chunks (colour
// profiles, gamma, text) are skipped unread: Pillow does not apply them either. APNG: the default
// image.
#include <png.h>

#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <span>
#include <vector>

#include "blip2/image/codecs.h"

namespace blip2::internal {
namespace {

/// The library's state. Its errors leave by longjmp, so each method that calls the library has only
/// trivial locals, and a destructor is never jumped over.
class PngReader {
 public:
  explicit PngReader(std::span<const uint8_t> bytes) : bytes_(bytes) {}
  ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  bool read_header();
  /// Sets the transformations: to 8 bits a sample, 16 for grey; indices for palettes.
  bool set_transformations();
  void read_palette(Palette& palette);
  /// `rows` points to one pointer a row; reads to the end of the file.
  bool read_rows(uint8_t** rows);

  uint32_t width() const { return png_get_image_width(png_, info_); }
  uint32_t height() const { return png_get_image_height(png_, info_); }
  size_t row_bytes() const { return png_get_rowbytes(png_, info_); }
  int channels() const { return png_get_channels(png_, info_); }
  bool is_palette() const { return png_get_color_type(png_, info_) == PNG_COLOR_TYPE_PALETTE; }
  bool is_wide() const { return png_get_bit_depth(png_, info_) == 16; }
  const char* message() const { return message_; }

 private:
  [[noreturn]] static void on_error(png_structp png, png_const_charp text);
  static void on_warning(png_structp, png_const_charp) {}
  static void on_read(png_structp png, png_bytep out, size_t num_bytes);

  std::span<const uint8_t> bytes_;
  size_t position_ = 0;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  char message_[128] = "out of memory";
};

void PngReader::on_error(png_structp png, png_const_charp text) {
  auto& reader = *static_cast<PngReader*>(png_get_error_ptr(png));
  std::snprintf(reader.message_, sizeof(reader.message_), "%s", text);
  png_longjmp(png, 1);
}

void PngReader::on_read(png_structp png, png_bytep out, size_t num_bytes) {
  auto& reader = *static_cast<PngReader*>(png_get_io_ptr(png));
  if (num_bytes > reader.bytes_.size() - reader.position_) png_error(png, "the data end early");
  std::memcpy(out, reader.bytes_.data() + reader.position_, num_bytes);
  reader.position_ += num_bytes;
}

bool PngReader::read_header() {
  png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error, on_warning);
  if (png_ == nullptr) return false;
  if (setjmp(png_jmpbuf(png_)) != 0) return false;
  info_ = png_create_info_struct(png_);
  if (info_ == nullptr) return false;
  png_set_read_fn(png_, this, on_read);
  png_set_crc_action(png_, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
  png_set_user_limits(png_, 0x7fffffff, 0x7fffffff);  // check_size() has the picture's name
  png_set_chunk_malloc_max(png_, 1 << 20);
  png_set_chunk_cache_max(png_, 16);
  // libpng counts these among the known chunks, and would inflate profiles and texts.
  static const png_byte kSkipped[] =
      "bKGD\0cHRM\0eXIf\0gAMA\0hIST\0iCCP\0iTXt\0oFFs\0pCAL\0pHYs\0sBIT\0sCAL\0sPLT\0sRGB\0"
      "tEXt\0tIME\0zTXt";
  png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, kSkipped, sizeof(kSkipped) / 5);
  png_read_info(png_, info_);
  return true;
}

bool PngReader::set_transformations() {
  if (setjmp(png_jmpbuf(png_)) != 0) return false;
  const int colour_type = png_get_color_type(png_, info_);
  const bool has_key = png_get_valid(png_, info_, PNG_INFO_tRNS) != 0;
  if (colour_type == PNG_COLOR_TYPE_PALETTE) {
    png_set_packing(png_);
  } else {
    if (colour_type == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(png_);
    if (has_key) png_set_tRNS_to_alpha(png_);
    // 16-bit grey saturates (see narrow_grey); everything else keeps the high byte.
    if (colour_type != PNG_COLOR_TYPE_GRAY) png_set_strip_16(png_);
  }
  png_set_interlace_handling(png_);
  png_read_update_info(png_, info_);
  return true;
}

void PngReader::read_palette(Palette& palette) {
  palette = black_palette();
  png_colorp colours = nullptr;
  int num_colours = 0;
  png_get_PLTE(png_, info_, &colours, &num_colours);
  for (int i = 0; i < num_colours && i < 256; ++i) {
    palette[static_cast<size_t>(i)] = {colours[i].red, colours[i].green, colours[i].blue, 255};
  }
  png_bytep alphas = nullptr;
  int num_alphas = 0;
  if (png_get_tRNS(png_, info_, &alphas, &num_alphas, nullptr) != 0 && alphas != nullptr) {
    for (int i = 0; i < num_alphas && i < 256; ++i) palette[static_cast<size_t>(i)][3] = alphas[i];
  }
}

bool PngReader::read_rows(uint8_t** rows) {
  if (setjmp(png_jmpbuf(png_)) != 0) return false;
  png_read_image(png_, rows);
  png_read_end(png_, nullptr);
  return true;
}

/// 16-bit grey, with or without alpha, to 8 bits: grey above 255 saturates as in Pillow, whose mode
/// "I;16" holds the number itself; alpha keeps the high byte.
void narrow_grey(std::vector<uint8_t>& samples, int channels) {
  size_t out = 0;
  for (size_t in = 0; in + 1 < samples.size(); in += 2, ++out) {
    const bool is_alpha = channels == 2 && out % 2 == 1;
    const uint8_t high = samples[in], low = samples[in + 1];
    samples[out] = is_alpha ? high : high != 0 ? uint8_t{255} : low;
  }
  samples.resize(out);
}

PixelLayout layout_of(const PngReader& reader) {
  if (reader.is_palette()) return PixelLayout::kPalette;
  switch (reader.channels()) {
    case 1:
      return PixelLayout::kGrey;
    case 2:
      return PixelLayout::kGreyAlpha;
    case 3:
      return PixelLayout::kRgb;
    default:
      return PixelLayout::kRgba;
  }
}

}  // namespace

Raster decode_png(const Source& source) {
  PngReader reader(source.bytes);
  if (!reader.read_header()) fail_damaged(source, "PNG", reader.message());
  check_size(source, reader.width(), reader.height());
  if (!reader.set_transformations()) fail_damaged(source, "PNG", reader.message());

  Raster raster;
  raster.width = static_cast<int>(reader.width());
  raster.height = static_cast<int>(reader.height());
  raster.layout = layout_of(reader);
  raster.samples.resize(reader.row_bytes() * reader.height());
  std::vector<uint8_t*> rows(reader.height());
  for (size_t y = 0; y < rows.size(); ++y) rows[y] = raster.samples.data() + y * reader.row_bytes();
  if (!reader.read_rows(rows.data())) fail_damaged(source, "PNG", reader.message());

  if (reader.is_palette()) reader.read_palette(raster.palette);
  if (reader.is_wide()) narrow_grey(raster.samples, reader.channels());
  return raster;
}

}  // namespace blip2::internal
