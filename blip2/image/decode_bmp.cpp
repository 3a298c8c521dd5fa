// BMP by hand: 1, 4, 8, 16, 24 and 32 bits, bit masks, run-length coding (bmp_rle.h), rows from
// below or from above. Not the JPEG or PNG that a BMP may wrap.
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>

#include "blip2/image/bmp_rle.h"
#include "blip2/image/codecs.h"

namespace blip2::internal {
namespace {

struct Header {
  size_t header_bytes = 0;
  int64_t width = 0;
  int64_t height = 0;
  bool top_down = false;
  int bits = 0;
  size_t num_colours = 0;
  size_t palette_entry_bytes = 4;
  size_t palette_offset = 0;
  size_t pixel_offset = 0;
  std::optional<BmpRuns> runs;  // of run-length coding
  bool has_masks = false;
  std::array<uint32_t, 4> masks{};  // red, green, blue, alpha
};

class BmpReader {
 public:
  explicit BmpReader(const Source& source) : source_(source) {}

  Header read_header() const;
  void read_palette(const Header& header, Palette& palette) const;
  std::vector<uint8_t> read_runs(const Header& header) const;
  /// Row y, counted from the top.
  const uint8_t* row(const Header& header, int y) const;

 private:
  void read_masks(Header& header) const;
  void set_pixel_offset(Header& header) const;
  static void use_grey_palette(size_t num_colours, Palette& palette);
  uint32_t number(size_t offset, size_t num_bytes) const {
    if (offset + num_bytes > source_.bytes.size())
      fail_damaged(source_, "BMP", "the data end early");
    uint32_t value = 0;
    for (size_t i = num_bytes; i > 0; --i) value = value << 8 | source_.bytes[offset + i - 1];
    return value;
  }

  const Source& source_;
};

constexpr size_t kFileHeader = 14;
constexpr uint32_t kUncompressed = 0, kByteRuns = 1, kNibbleRuns = 2, kBitMasks = 3;
constexpr size_t kMostColours = 65536;

bool is_windows_header(size_t num_bytes) {
  constexpr size_t kSizes[] = {40, 52, 56, 64, 108, 124};
  return std::ranges::find(kSizes, num_bytes) != std::end(kSizes);
}

Header BmpReader::read_header() const {
  Header header;
  header.pixel_offset = number(10, 4);
  header.header_bytes = number(kFileHeader, 4);
  uint32_t compression = kUncompressed;
  if (header.header_bytes == 12) {  // OS/2
    header.width = number(18, 2);
    header.height = number(20, 2);
    header.bits = static_cast<int>(number(24, 2));
    header.palette_entry_bytes = 3;
  } else if (is_windows_header(header.header_bytes)) {
    header.width = static_cast<int32_t>(number(18, 4));
    header.height = static_cast<int32_t>(number(22, 4));
    header.top_down = header.height < 0;
    if (header.top_down) header.height = -header.height;
    header.bits = static_cast<int>(number(28, 2));
    compression = number(30, 4);
    header.num_colours = number(46, 4);
  } else {
    fail_damaged(source_, "BMP", fmt::format("a header of {} bytes", header.header_bytes));
  }
  check_size(source_, header.width, header.height);
  const int bits = header.bits;
  if (bits != 1 && bits != 4 && bits != 8 && bits != 16 && bits != 24 && bits != 32) {
    fail(ErrorCode::kUnsupported, "{}: expected a BMP of 1, 4, 8, 16, 24 or 32 bits, found {}",
         source_.name, bits);
  }
  if (bits <= 8 && compression == kByteRuns) header.runs = BmpRuns::kBytes;
  if (bits <= 8 && compression == kNibbleRuns) header.runs = BmpRuns::kNibbles;
  if (compression != kUncompressed && !header.runs && !(compression == kBitMasks && bits >= 16)) {
    fail(ErrorCode::kUnsupported,
         "{}: expected a BMP without compression, run-length coded, or with bit masks, found "
         "compression {} of {} bits",
         source_.name, compression, bits);
  }
  header.palette_offset = kFileHeader + header.header_bytes;
  header.has_masks = compression == kBitMasks;
  if (header.has_masks) read_masks(header);
  set_pixel_offset(header);
  return header;
}

void BmpReader::set_pixel_offset(Header& header) const {
  size_t palette_bytes = 0;
  if (header.bits <= 8) {
    if (header.num_colours == 0) header.num_colours = size_t{1} << header.bits;
    if (header.num_colours > kMostColours) {
      fail_damaged(source_, "BMP", fmt::format("a palette of {} colours", header.num_colours));
    }
    palette_bytes = header.palette_entry_bytes * header.num_colours;
  }
  // An offset that forgot the palette, or none.
  if (header.pixel_offset == header.palette_offset) header.pixel_offset += palette_bytes;
  if (header.pixel_offset != 0) return;
  header.pixel_offset = header.palette_offset + palette_bytes;
  if (header.has_masks && header.header_bytes < 52) header.pixel_offset += 12;  // the masks
}

void BmpReader::read_masks(Header& header) const {
  const size_t num_masks = header.header_bytes >= 56 ? 4 : 3;
  for (size_t i = 0; i < num_masks; ++i) header.masks[i] = number(54 + 4 * i, 4);
  if (header.bits == 32 && header.masks == std::array<uint32_t, 4>{}) {
    header.masks = {0xff0000, 0xff00, 0xff, 0xff000000};
  }
  for (const uint32_t mask : header.masks) {
    const uint32_t shifted = mask == 0 ? 0 : mask >> std::countr_zero(mask);
    if ((shifted & (shifted + 1)) != 0 || std::popcount(mask) > 16) {
      fail(ErrorCode::kUnsupported, "{}: expected contiguous BMP bit masks, found {:08x}",
           source_.name, mask);
    }
  }
}

void BmpReader::read_palette(const Header& header, Palette& palette) const {
  palette = black_palette();
  const size_t num_bytes = source_.bytes.size();
  const size_t most = num_bytes - std::min(header.palette_offset, num_bytes);
  const size_t num_colours = std::min(header.num_colours, most / header.palette_entry_bytes);
  if (num_colours > palette.size()) {
    fail_damaged(source_, "BMP", fmt::format("a palette of {} colours", num_colours));
  }
  for (size_t i = 0; i < num_colours; ++i) {
    const size_t entry = header.palette_offset + i * header.palette_entry_bytes;
    for (size_t c = 0; c < 3; ++c) {
      palette[i][c] = static_cast<uint8_t>(number(entry + 2 - c, 1));
    }
  }
  if (num_colours == header.num_colours) use_grey_palette(num_colours, palette);
}

/// Where all colours are greys in order, Pillow forgets the palette: an index beyond it is its own
/// grey, and of two colours every index but 0 is white.
void BmpReader::use_grey_palette(size_t num_colours, Palette& palette) {
  for (size_t i = 0; i < num_colours; ++i) {
    const auto grey = static_cast<uint8_t>(num_colours == 2 ? i * 255 : i);
    if (palette[i] != std::array<uint8_t, 4>{grey, grey, grey, 255}) return;
  }
  palette = grey_palette();
  if (num_colours > 2) return;
  for (size_t i = 1; i < palette.size(); ++i) palette[i] = {255, 255, 255, 255};
}

/// Indices of a run-length coded picture, rows from the top.
std::vector<uint8_t> BmpReader::read_runs(const Header& header) const {
  const auto width = static_cast<size_t>(header.width);
  const auto height = static_cast<size_t>(header.height);
  std::vector<uint8_t> indices =
      decode_runs(source_.bytes, header.pixel_offset, *header.runs, width, height);
  if (indices.size() < width * height) fail_damaged(source_, "BMP", "the data end early");
  indices.resize(width * height);
  for (size_t top = 0; !header.top_down && top < height / 2; ++top) {
    const auto row = indices.begin() + static_cast<std::ptrdiff_t>(top * width);
    const auto other = indices.end() - static_cast<std::ptrdiff_t>((top + 1) * width);
    std::swap_ranges(row, row + static_cast<std::ptrdiff_t>(width), other);
  }
  return indices;
}

const uint8_t* BmpReader::row(const Header& header, int y) const {
  const auto row_bits = static_cast<size_t>(header.width) * static_cast<size_t>(header.bits);
  const size_t stride = (row_bits + 31) / 32 * 4;
  const auto stored = static_cast<size_t>(header.top_down ? y : header.height - 1 - y);
  const size_t start = header.pixel_offset + stored * stride;
  if (start + (row_bits + 7) / 8 > source_.bytes.size()) {
    fail_damaged(source_, "BMP", "the data end early");
  }
  return source_.bytes.data() + start;
}

void unpack_indices(const uint8_t* in, int bits, int width, uint8_t* out) {
  const int per_byte = 8 / bits;
  for (int x = 0; x < width; ++x) {
    const int shift = 8 - bits - x % per_byte * bits;
    out[x] = static_cast<uint8_t>(in[x / per_byte] >> shift & ((1 << bits) - 1));
  }
}

/// One channel of a packed pixel, scaled to 0..255 (rounded down, as Pillow does).
uint8_t masked(uint32_t pixel, uint32_t mask) {
  if (mask == 0) return 0;
  const int shift = std::countr_zero(mask);
  return static_cast<uint8_t>(((pixel & mask) >> shift) * 255 / (mask >> shift));
}

/// Packed pixels of 2, 3 or 4 bytes to `num_channels` bytes each.
void unpack_colours(const uint8_t* in, const Header& header, int num_channels, uint8_t* out) {
  const int pixel_bytes = header.bits / 8;
  for (int64_t x = 0; x < header.width; ++x, in += pixel_bytes) {
    uint32_t pixel = 0;
    for (int i = pixel_bytes - 1; i >= 0; --i) pixel = pixel << 8 | in[i];
    for (int c = 0; c < num_channels; ++c)
      *out++ = masked(pixel, header.masks[static_cast<size_t>(c)]);
  }
}

}  // namespace

Raster decode_bmp(const Source& source) {
  const BmpReader reader(source);
  Header header = reader.read_header();
  if (!header.has_masks) {
    header.masks = header.bits == 16 ? std::array<uint32_t, 4>{0x7c00, 0x3e0, 0x1f, 0}
                                     : std::array<uint32_t, 4>{0xff0000, 0xff00, 0xff, 0};
  }
  const auto width = static_cast<int>(header.width);
  const auto height = static_cast<int>(header.height);
  Raster raster;
  if (header.runs) {
    raster.width = width;
    raster.height = height;
    raster.layout = PixelLayout::kPalette;
    raster.samples = reader.read_runs(header);
    reader.read_palette(header, raster.palette);
    return raster;
  }
  reader.row(header,
             header.top_down ? height - 1 : 0);  // the last in the file, before memory is asked for
  allocate(raster, width, height,
           header.bits <= 8       ? PixelLayout::kPalette
           : header.masks[3] != 0 ? PixelLayout::kRgba
                                  : PixelLayout::kRgb);
  if (header.bits <= 8) reader.read_palette(header, raster.palette);
  const int channels = num_channels(raster.layout);
  for (int y = 0; y < height; ++y) {
    uint8_t* out = raster.samples.data() + static_cast<size_t>(y) * static_cast<size_t>(width) *
                                               static_cast<size_t>(channels);
    if (header.bits <= 8) {
      unpack_indices(reader.row(header, y), header.bits, width, out);
    } else {
      unpack_colours(reader.row(header, y), header, channels, out);
    }
  }
  return raster;
}

}  // namespace blip2::internal
