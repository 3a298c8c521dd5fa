// A discrete cosine transform of a small grey picture, its signs as bits.
#include "blip2/image/perceptual_hash.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <numbers>

#include "blip2/image/resize.h"

namespace blip2 {
namespace {

constexpr int kSide = 32;        // pixels of the small picture
constexpr int kLow = 8;          // frequencies each way
constexpr int kGrid = 4;         // fields of the grid of colours each way
constexpr int kMostColour = 24;  // of 255

using Grey = std::array<double, kSide * kSide>;
using LowFrequencies = std::array<double, kLow * kLow>;  // [v, u]

Grey luma(const Image& small) {
  Grey grey{};
  for (size_t i = 0; i < grey.size(); ++i) {  // ITU-R 601, as JPEG and Pillow's "L"
    grey[i] =
        0.299 * small.rgb[3 * i] + 0.587 * small.rgb[3 * i + 1] + 0.114 * small.rgb[3 * i + 2];
  }
  return grey;
}

/// cos(pi (2 x + 1) u / (2 kSide)), [u, x].
std::array<double, kLow * kSide> cosines() {
  std::array<double, kLow * kSide> table{};
  for (size_t u = 0; u < kLow; ++u) {
    for (size_t x = 0; x < kSide; ++x) {
      table[u * kSide + x] = std::cos(std::numbers::pi * static_cast<double>((2 * x + 1) * u) /
                                      static_cast<double>(2 * kSide));
    }
  }
  return table;
}

LowFrequencies transform(const Grey& grey) {
  static const std::array<double, kLow * kSide> cosine = cosines();
  std::array<double, kSide * kLow> rows{};  // [y, u]
  for (size_t y = 0; y < kSide; ++y) {
    for (size_t u = 0; u < kLow; ++u) {
      for (size_t x = 0; x < kSide; ++x) {
        rows[y * kLow + u] += grey[y * kSide + x] * cosine[u * kSide + x];
      }
    }
  }
  LowFrequencies low{};
  for (size_t v = 0; v < kLow; ++v) {
    for (size_t u = 0; u < kLow; ++u) {
      for (size_t y = 0; y < kSide; ++y) {
        low[v * kLow + u] += rows[y * kLow + u] * cosine[v * kSide + y];
      }
    }
  }
  // Without this the bits of a smooth picture would be the signs of rounding errors.
  double greatest = 0;
  for (const double value : low) greatest = std::max(greatest, std::abs(value));
  for (double& value : low) {
    if (std::abs(value) < 1e-6 * greatest) value = 0;
  }
  return low;
}

uint64_t bits_of(const LowFrequencies& low) {
  LowFrequencies sorted = low;
  std::ranges::sort(sorted);
  const double median = (sorted[sorted.size() / 2 - 1] + sorted[sorted.size() / 2]) / 2;
  uint64_t bits = 0;
  for (size_t i = 0; i < low.size(); ++i) {
    if (low[i] > median) bits |= uint64_t{1} << i;
  }
  return bits;
}

std::array<uint8_t, 48> colours_of(const Image& small) {
  constexpr int kField = kSide / kGrid;
  std::array<int, 48> sums{};
  for (int y = 0; y < kSide; ++y) {
    for (int x = 0; x < kSide; ++x) {
      const int field = y / kField * kGrid + x / kField;
      for (int c = 0; c < 3; ++c) {
        sums[static_cast<size_t>(3 * field + c)] +=
            small.rgb[static_cast<size_t>(3 * (y * kSide + x) + c)];
      }
    }
  }
  std::array<uint8_t, 48> colours{};
  for (size_t i = 0; i < colours.size(); ++i) {
    colours[i] = static_cast<uint8_t>(sums[i] / (kField * kField));
  }
  return colours;
}

}  // namespace

PictureHash hash_picture(const Image& image) {
  const Image small = resize(image, kSide, kSide);
  return {bits_of(transform(luma(small))), colours_of(small)};
}

PictureHash hash_picture(const ImageRgba& image) {
  Image on_white{image.width, image.height, {}};
  on_white.rgb.reserve(image.rgba.size() / 4 * 3);
  for (size_t i = 0; i + 3 < image.rgba.size(); i += 4) {
    const int alpha = image.rgba[i + 3];
    for (size_t c = 0; c < 3; ++c) {
      on_white.rgb.push_back(
          static_cast<uint8_t>((image.rgba[i + c] * alpha + 255 * (255 - alpha) + 127) / 255));
    }
  }
  return hash_picture(on_white);
}

int hamming_distance(uint64_t a, uint64_t b) { return std::popcount(a ^ b); }

bool looks_alike(const PictureHash& a, const PictureHash& b, int max_distance) {
  if (hamming_distance(a.shapes, b.shapes) > max_distance) return false;
  for (size_t i = 0; i < a.colours.size(); ++i) {
    if (std::abs(int{a.colours[i]} - int{b.colours[i]}) > kMostColour) return false;
  }
  return true;
}

}  // namespace blip2
