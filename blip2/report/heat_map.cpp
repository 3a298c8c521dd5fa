// Weights interpolated to pixels, then colours laid over the picture.
#include "blip2/report/heat_map.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "blip2/base/error.h"

namespace blip2 {
namespace {

using Colour = std::array<float, 3>;

/// From nothing over blue-violet and red to bright yellow: lightness rises with the weight.
Colour heat_colour(float weight) {
  constexpr std::array<Colour, 5> kStops = {
      {{38, 32, 92}, {110, 38, 130}, {208, 56, 92}, {245, 130, 48}, {255, 228, 90}}};
  const float place = std::clamp(weight, 0.0F, 1.0F) * (kStops.size() - 1);
  const auto below = std::min(static_cast<size_t>(place), kStops.size() - 2);
  const float share = place - static_cast<float>(below);
  Colour colour{};
  for (size_t k = 0; k < colour.size(); ++k) {
    colour[k] = kStops[below][k] * (1 - share) + kStops[below + 1][k] * share;
  }
  return colour;
}

std::vector<float> stretched(std::span<const float> weights) {
  float least = INFINITY;
  float greatest = -INFINITY;
  for (const float weight : weights) {
    if (!std::isfinite(weight)) continue;
    least = std::min(least, weight);
    greatest = std::max(greatest, weight);
  }
  std::vector<float> result(weights.size(), 0.0F);
  if (!(greatest > least)) return result;
  for (size_t i = 0; i < weights.size(); ++i) {
    if (std::isfinite(weights[i])) result[i] = (weights[i] - least) / (greatest - least);
  }
  return result;
}

/// Two neighbouring cells and how far a pixel's centre is towards the second.
struct Between {
  size_t first, second;
  float share;
};

Between cells_around(int pixel, int num_pixels, int num_cells) {
  const float scale = static_cast<float>(num_cells) / static_cast<float>(num_pixels);
  const float place = std::clamp((static_cast<float>(pixel) + 0.5F) * scale - 0.5F, 0.0F,
                                 static_cast<float>(num_cells - 1));
  const auto first = static_cast<size_t>(place);
  const size_t second = std::min(first + 1, static_cast<size_t>(num_cells - 1));
  return {first, second, place - static_cast<float>(first)};
}

void check_size(const char* what, size_t found, int rows, int columns, size_t depth) {
  const bool positive = rows > 0 && columns > 0;
  const size_t expected =
      positive ? static_cast<size_t>(rows) * static_cast<size_t>(columns) * depth : 0;
  if (!positive || found != expected) {
    fail(ErrorCode::kInvalidArgument, "heat map: expected {} of {} x {} x {}, found {} values",
         what, rows, columns, depth, found);
  }
}

}  // namespace

std::vector<float> upsample_weights(std::span<const float> weights, int rows, int columns,
                                    int width, int height) {
  check_size("weights", weights.size(), rows, columns, 1);
  if (width <= 0 || height <= 0) {
    fail(ErrorCode::kInvalidArgument, "heat map: expected a size above 0, found {} x {}", width,
         height);
  }
  std::vector<float> fine;
  fine.reserve(static_cast<size_t>(width) * static_cast<size_t>(height));
  for (int y = 0; y < height; ++y) {
    const Between row = cells_around(y, height, rows);
    for (int x = 0; x < width; ++x) {
      const Between column = cells_around(x, width, columns);
      const auto along = [&](size_t r) {
        const auto cells = weights.subspan(r * static_cast<size_t>(columns));
        return cells[column.first] * (1 - column.share) + cells[column.second] * column.share;
      };
      fine.push_back(along(row.first) * (1 - row.share) + along(row.second) * row.share);
    }
  }
  return fine;
}

std::vector<uint8_t> overlay_heat_map(std::span<const uint8_t> rgb, int width, int height,
                                      std::span<const float> weights, int rows, int columns) {
  check_size("pixels", rgb.size(), height, width, 3);
  check_size("weights", weights.size(), rows, columns, 1);
  const std::vector<float> heat =
      upsample_weights(stretched(weights), rows, columns, width, height);

  std::vector<uint8_t> blended(rgb.size());
  for (size_t pixel = 0; pixel < heat.size(); ++pixel) {
    const uint8_t* source = &rgb[3 * pixel];
    const float grey = 0.299F * source[0] + 0.587F * source[1] + 0.114F * source[2];
    const Colour colour = heat_colour(heat[pixel]);
    const float density = 0.30F + 0.45F * heat[pixel];  // the picture shines through everywhere
    for (size_t k = 0; k < 3; ++k) {
      const float faded = 0.5F * grey + 0.5F * source[k];
      const float value = faded * (1 - density) + colour[k] * density;
      blended[3 * pixel + k] = static_cast<uint8_t>(std::lround(std::clamp(value, 0.0F, 255.0F)));
    }
  }
  return blended;
}

}  // namespace blip2
