// EXIF is a small TIFF file: a byte order, then a directory of 12-byte entries (EXIF 2.3,
// section 4.6). Which damage is tolerated follows Pillow's TiffImagePlugin.
#include "blip2/image/orientation.h"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace blip2::internal {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kExifPrefix = "Exif\0\0"sv;

/// Bytes of a value of each TIFF type; 0: no such type.
constexpr std::array<uint8_t, 17> kTypeBytes = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8};

class TiffReader {
 public:
  explicit TiffReader(std::string_view bytes) : bytes_(bytes) {
    using Magic = std::array<std::string_view, 2>;
    constexpr Magic kLittle = {"II\x2a\0"sv, "II\0\x2a"sv}, kBig = {"MM\0\x2a"sv, "MM\x2a\0"sv};
    for (const auto& magic : kLittle) is_little_ |= bytes.starts_with(magic);
    is_tiff_ = is_little_;
    for (const auto& magic : kBig) is_tiff_ |= bytes.starts_with(magic);
    is_tiff_ = is_tiff_ && bytes.size() >= 8;
  }

  bool is_tiff() const { return is_tiff_; }
  /// The first value of a tag, if it is a number.
  std::optional<double> find(uint64_t wanted) const;

 private:
  bool has(uint64_t offset, uint64_t num_bytes) const {
    return offset <= bytes_.size() && num_bytes <= bytes_.size() - offset;
  }
  uint64_t number(uint64_t offset, uint64_t num_bytes) const {
    uint64_t value = 0;
    for (uint64_t i = 0; i < num_bytes; ++i) {
      const uint64_t at = offset + (is_little_ ? num_bytes - 1 - i : i);
      value = value << 8 | static_cast<uint8_t>(bytes_[at]);
    }
    return value;
  }
  std::optional<double> value(uint64_t type, uint64_t offset) const;

  std::string_view bytes_;
  bool is_little_ = false;
  bool is_tiff_ = false;
};

std::optional<double> TiffReader::value(uint64_t type, uint64_t offset) const {
  const auto ratio = [](double above, double below) -> std::optional<double> {
    return below == 0 ? std::nullopt : std::optional(above / below);
  };
  const auto signed32 = [&](uint64_t at) { return static_cast<int32_t>(number(at, 4)); };
  switch (type) {
    case 3:
    case 4:
    case 13:
    case 16:
      return static_cast<double>(number(offset, kTypeBytes[type]));
    case 5:
      return ratio(static_cast<double>(number(offset, 4)),
                   static_cast<double>(number(offset + 4, 4)));
    case 6:
      return static_cast<int8_t>(number(offset, 1));
    case 8:
      return static_cast<int16_t>(number(offset, 2));
    case 9:
      return signed32(offset);
    case 10:
      return ratio(signed32(offset), signed32(offset + 4));
    case 11:
      return static_cast<double>(std::bit_cast<float>(static_cast<uint32_t>(number(offset, 4))));
    case 12:
      return std::bit_cast<double>(number(offset, 8));
    default:  // bytes and texts are no numbers
      return std::nullopt;
  }
}

std::optional<double> TiffReader::find(uint64_t wanted) const {
  constexpr uint64_t kEntryBytes = 12, kInlineBytes = 4;
  if (!is_tiff_) return std::nullopt;
  const uint64_t directory = number(4, 4);
  if (!has(directory, 2)) return std::nullopt;
  const uint64_t num_entries = number(directory, 2);
  uint64_t total_bytes = 0;
  for (uint64_t i = 0; i < num_entries; ++i) {
    const uint64_t entry = directory + 2 + kEntryBytes * i;
    if (!has(entry, kEntryBytes)) return std::nullopt;
    const uint64_t type = number(entry + 2, 2);
    if (type >= kTypeBytes.size() || kTypeBytes[type] == 0) continue;
    const uint64_t num_bytes = number(entry + 4, 4) * kTypeBytes[type];
    uint64_t place = entry + 8;
    if (num_bytes > kInlineBytes) {
      total_bytes += num_bytes;
      if (total_bytes > bytes_.size()) continue;
      place = number(place, 4);
      if (!has(place, num_bytes)) return std::nullopt;  // Pillow reads no further
    }
    if (number(entry, 2) == wanted && num_bytes > 0) return value(type, place).value_or(0);
  }
  return std::nullopt;
}

/// Of the pattern tiff:Orientation(="|>)([0-9]).
int xmp_orientation(std::string_view xmp) {
  constexpr std::string_view kName = "tiff:Orientation";
  for (size_t at = xmp.find(kName); at != xmp.npos; at = xmp.find(kName, at + 1)) {
    std::string_view rest = xmp.substr(at + kName.size());
    if (rest.starts_with("=\"")) {
      rest.remove_prefix(2);
    } else if (rest.starts_with(">")) {
      rest.remove_prefix(1);
    } else {
      continue;
    }
    if (!rest.empty() && rest[0] >= '0' && rest[0] <= '9') return rest[0] - '0';
  }
  return 1;
}

}  // namespace

int orientation_of(const StatedOrientation& stated) {
  constexpr uint64_t kOrientationTag = 0x0112;
  std::string_view exif = stated.exif;
  for (int i = 0; i < 2 && exif.starts_with(kExifPrefix); ++i) {
    exif.remove_prefix(kExifPrefix.size());
  }
  const TiffReader tiff(exif);
  if (!exif.empty() && !tiff.is_tiff()) return 1;  // damaged: XMP is not asked either
  const std::optional<double> found = tiff.find(kOrientationTag);
  const double value = found.value_or(xmp_orientation(stated.xmp));
  for (int orientation = 2; orientation <= 8; ++orientation) {
    if (value == orientation) return orientation;
  }
  return 1;
}

void add_app1(std::string_view segment, StatedOrientation& stated) {
  constexpr std::string_view kXmpPrefix = "http://ns.adobe.com/xap/1.0/\0"sv;
  if (segment.starts_with(kExifPrefix)) {
    stated.exif += stated.exif.empty() ? segment : segment.substr(kExifPrefix.size());
  } else if (segment.starts_with(kXmpPrefix)) {
    stated.xmp = segment.substr(kXmpPrefix.size());
  }
}

bool swaps_sides(int orientation) { return orientation >= 5; }

std::vector<uint8_t> turn_upright(const std::vector<uint8_t>& pixels, int width, int height,
                                  int channels, int orientation) {
  // Stored (x, y) is where the upright picture's pixel comes from: mirrored in x, in y, transposed.
  const bool mirror_x =
      orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool mirror_y =
      orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const bool transpose = swaps_sides(orientation);
  const int out_width = transpose ? height : width;
  const int out_height = transpose ? width : height;
  const auto step = static_cast<size_t>(channels);
  std::vector<uint8_t> out(pixels.size());
  uint8_t* target = out.data();
  for (int y = 0; y < out_height; ++y) {
    for (int x = 0; x < out_width; ++x, target += step) {
      int from_x = transpose ? y : x;
      int from_y = transpose ? x : y;
      if (mirror_x) from_x = width - 1 - from_x;
      if (mirror_y) from_y = height - 1 - from_y;
      const size_t from =
          static_cast<size_t>(from_y) * static_cast<size_t>(width) + static_cast<size_t>(from_x);
      std::memcpy(target, pixels.data() + from * step, step);
    }
  }
  return out;
}

}  // namespace blip2::internal
