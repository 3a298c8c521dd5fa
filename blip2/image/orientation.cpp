// EXIF is a small TIFF file: a byte order, then a directory of 12-byte entries (EXIF 2.3,
// section 4.6).
#include "blip2/image/orientation.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace blip2::internal {

int exif_orientation(std::span<const uint8_t> segment) {
  constexpr size_t kPrefix = 6;  // "Exif", 0, 0
  if (segment.size() < kPrefix + 8 || std::memcmp(segment.data(), "Exif\0\0", kPrefix) != 0)
    return 1;
  const auto tiff = segment.subspan(kPrefix);
  const bool little = tiff[0] == 'I' && tiff[1] == 'I';
  if (!little && !(tiff[0] == 'M' && tiff[1] == 'M')) return 1;
  const auto read = [&](size_t offset, size_t num_bytes) {
    uint32_t value = 0;
    for (size_t i = 0; i < num_bytes; ++i) {
      value = value << 8 | tiff[offset + (little ? num_bytes - 1 - i : i)];
    }
    return value;
  };
  const size_t directory = read(4, 4);
  if (directory + 2 > tiff.size()) return 1;
  const size_t num_entries = read(directory, 2);
  for (size_t i = 0; i < num_entries; ++i) {
    const size_t entry = directory + 2 + 12 * i;
    if (entry + 12 > tiff.size()) return 1;
    constexpr uint32_t kOrientationTag = 0x0112, kShortType = 3;
    if (read(entry, 2) == kOrientationTag && read(entry + 2, 2) == kShortType) {
      const uint32_t value = read(entry + 8, 2);
      return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
    }
  }
  return 1;
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
