// The operations of LAVIS's RandAugment and how they are drawn.
#include "blip2/image/rand_augment.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <utility>
#include <vector>

namespace blip2 {
namespace {

constexpr double kShear = 0.15;
constexpr double kShiftPixels = 5;
constexpr double kRotationDegrees = 15;
constexpr uint8_t kFill = 128;

using Table = std::array<uint8_t, 256>;
using Histogram = std::array<int64_t, 256>;

Histogram histogram_of(const Image& image, size_t channel) {
  Histogram histogram{};
  for (size_t i = channel; i < image.rgb.size(); i += 3) ++histogram[image.rgb[i]];
  return histogram;
}

/// Each channel through the table that `make` makes of its histogram.
Image through_tables(Image image, Table (*make)(const Histogram&)) {
  for (size_t channel = 0; channel < 3; ++channel) {
    const Table table = make(histogram_of(image, channel));
    for (size_t i = channel; i < image.rgb.size(); i += 3) image.rgb[i] = table[image.rgb[i]];
  }
  return image;
}

Table identity_table() {
  Table table;
  for (size_t i = 0; i < table.size(); ++i) table[i] = static_cast<uint8_t>(i);
  return table;
}

/// Pillow's ImageOps.autocontrast: the least value to 0, the largest to 255.
Table stretching(const Histogram& histogram) {
  const auto used = [](int64_t count) { return count > 0; };
  const auto low = std::find_if(histogram.begin(), histogram.end(), used) - histogram.begin();
  const auto high =
      255 - (std::find_if(histogram.rbegin(), histogram.rend(), used) - histogram.rbegin());
  Table table = identity_table();
  if (high <= low) return table;
  const double scale = 255.0 / static_cast<double>(high - low);
  const double offset = -static_cast<double>(low) * scale;
  for (size_t i = 0; i < table.size(); ++i) {
    table[i] =
        static_cast<uint8_t>(std::clamp(static_cast<double>(i) * scale + offset, 0.0, 255.0));
  }
  return table;
}

/// Pillow's ImageOps.equalize.
Table equalising(const Histogram& histogram) {
  int64_t total = 0, last = 0;
  for (const int64_t count : histogram) {
    total += count;
    if (count > 0) last = count;
  }
  const int64_t step = (total - last) / 255;
  Table table = identity_table();
  if (step == 0) return table;
  int64_t sum = step / 2;
  for (size_t i = 0; i < table.size(); ++i) {
    table[i] = static_cast<uint8_t>(std::min<int64_t>(sum / step, 255));
    sum += histogram[i];
  }
  return table;
}

/// Where a pixel of the result comes from: (a*x + b*y + c, d*x + e*y + f).
struct Affine {
  double a = 1, b = 0, c = 0, d = 0, e = 1, f = 0;
};

/// The picture seen through `source`, in OpenCV's fixed point: places in 1/1024 pixel, rounded to
/// 1/32.
Image warp(const Image& image, const Affine& source) {
  constexpr int64_t kOne = 1024, kSteps = 32;
  const int64_t width = image.width, height = image.height;
  const auto fixed = [](double value) {
    return static_cast<int64_t>(std::nearbyint(value * static_cast<double>(kOne)));
  };
  const auto pixel = [&](int64_t x, int64_t y, size_t channel) -> int64_t {
    if (x < 0 || y < 0 || x >= width || y >= height) return kFill;
    return image.rgb[static_cast<size_t>(y * width + x) * 3 + channel];
  };
  Image result{image.width, image.height, std::vector<uint8_t>(image.rgb.size())};
  for (int64_t y = 0; y < height; ++y) {
    const double row = static_cast<double>(y);
    const int64_t left = fixed(source.b * row + source.c) + kSteps / 2;
    const int64_t top = fixed(source.e * row + source.f) + kSteps / 2;
    for (int64_t x = 0; x < width; ++x) {
      const int64_t at_x = (left + fixed(source.a * static_cast<double>(x))) >> 5;
      const int64_t at_y = (top + fixed(source.d * static_cast<double>(x))) >> 5;
      const int64_t column = at_x >> 5, line = at_y >> 5;
      const int64_t right = at_x & (kSteps - 1), below = at_y & (kSteps - 1);
      for (size_t channel = 0; channel < 3; ++channel) {
        const int64_t upper = (kSteps - right) * pixel(column, line, channel) +
                              right * pixel(column + 1, line, channel);
        const int64_t lower = (kSteps - right) * pixel(column, line + 1, channel) +
                              right * pixel(column + 1, line + 1, channel);
        const int64_t sum = (kSteps - below) * upper + below * lower;
        result.rgb[static_cast<size_t>(y * width + x) * 3 + channel] =
            static_cast<uint8_t>((sum + kOne / 2) / kOne);
      }
    }
  }
  return result;
}

Affine rotation(const Image& image, double degrees) {
  const double angle = degrees * std::numbers::pi / 180;
  const double cosine = std::cos(angle), sine = std::sin(angle);
  const double x = image.width / 2.0, y = image.height / 2.0;
  return {cosine, -sine, x - cosine * x + sine * y, sine, cosine, y - sine * x - cosine * y};
}

}  // namespace

Image apply_operation(Image image, AugmentOperation operation, double sign) {
  switch (operation) {
    case AugmentOperation::kIdentity:
    case AugmentOperation::kBrightness:
    case AugmentOperation::kSharpness:
      return image;
    case AugmentOperation::kAutoContrast:
      return through_tables(std::move(image), stretching);
    case AugmentOperation::kEqualize:
      return through_tables(std::move(image), equalising);
    case AugmentOperation::kShearX:
      return warp(image, {.b = -sign * kShear});
    case AugmentOperation::kShearY:
      return warp(image, {.d = -sign * kShear});
    case AugmentOperation::kTranslateX:
      return warp(image, {.c = sign * kShiftPixels});
    case AugmentOperation::kTranslateY:
      return warp(image, {.f = sign * kShiftPixels});
    case AugmentOperation::kRotate:
      return warp(image, rotation(image, sign * kRotationDegrees));
  }
  return image;
}

Image rand_augment(Image image, Random& random) {
  for (int i = 0; i < 2; ++i) {
    const auto operation =
        static_cast<AugmentOperation>(random.below(uint64_t{kNumAugmentOperations}));
    const bool applied = random.uniform() < 0.5;
    const double sign = random.uniform() < 0.5 ? -1 : 1;
    if (applied) image = apply_operation(std::move(image), operation, sign);
  }
  return image;
}

}  // namespace blip2
