// Pillow's NEAREST (ImagingScaleAffine in Geometry.c).
#include "blip2/image/nearest.h"

#include <algorithm>

namespace blip2::internal {
namespace {

/// The source's positions under the centres. The centres are summed up one by one, as Pillow does,
/// so that they round alike.
std::vector<int> positions_under(int source, const NearestAxis& axis) {
  const double scale = static_cast<double>(source) / static_cast<double>(axis.full);
  double centre = scale * 0.5;
  for (int64_t i = 0; i < axis.first; ++i) centre += scale;
  std::vector<int> positions;
  for (int i = 0; i < axis.count; ++i, centre += scale) {
    positions.push_back(std::min(static_cast<int>(centre), source - 1));
  }
  return positions;
}

}  // namespace

std::vector<uint8_t> nearest_pixels(const PixelView& source, const NearestAxis& columns,
                                    const NearestAxis& rows) {
  const std::vector<int> from_columns = positions_under(source.width, columns);
  const std::vector<int> from_rows = positions_under(source.height, rows);
  const size_t row_bytes = static_cast<size_t>(source.width) * source.channels;
  std::vector<uint8_t> out;
  out.reserve(from_columns.size() * from_rows.size() * source.channels);
  for (const int y : from_rows) {
    const uint8_t* line = source.data + static_cast<size_t>(y) * row_bytes;
    for (const int x : from_columns) {
      const uint8_t* pixel = line + static_cast<size_t>(x) * source.channels;
      out.insert(out.end(), pixel, pixel + source.channels);
    }
  }
  return out;
}

}  // namespace blip2::internal
