// Points that a curve can do without are left out.
#include "blip2/report/polyline.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

namespace blip2 {

std::vector<double> smoothed(const std::vector<double>& values, int window) {
  const auto half = static_cast<int64_t>(std::max(1, window)) / 2;
  const auto size = static_cast<int64_t>(values.size());
  std::vector<double> result;
  result.reserve(values.size());
  for (int64_t i = 0; i < size; ++i) {
    double sum = 0;
    double total = 0;
    for (int64_t k = std::max<int64_t>(0, i - half); k <= std::min(size - 1, i + half); ++k) {
      const double value = values[static_cast<size_t>(k)];
      if (!std::isfinite(value)) continue;
      const auto weight = static_cast<double>(half + 1 - std::abs(k - i));
      sum += weight * value;
      total += weight;
    }
    result.push_back(total > 0 ? sum / total : std::numeric_limits<double>::quiet_NaN());
  }
  return result;
}

std::string path_data(const Polyline& points) {
  std::string data;
  bool pen_down = false;
  for (const auto& [x, y] : points) {
    if (std::isnan(x) || std::isnan(y)) {
      pen_down = false;
      continue;
    }
    data += fmt::format("{}{:.1f} {:.1f}", pen_down ? "L" : "M", x, y);
    pen_down = true;
  }
  return data;
}

Polyline thinned(const Polyline& points) {
  constexpr size_t kFew = 1200;
  if (points.size() < kFew) return points;
  const auto is_gap = [&](size_t i) { return std::isnan(points[i].x) || std::isnan(points[i].y); };
  Polyline kept;
  for (size_t begin = 0; begin < points.size();) {
    size_t end = begin + 1;
    size_t lowest = begin;
    size_t highest = begin;
    while (!is_gap(begin) && end < points.size() && !is_gap(end) &&
           std::floor(points[end].x) == std::floor(points[begin].x)) {
      if (points[end].y < points[lowest].y) lowest = end;
      if (points[end].y > points[highest].y) highest = end;
      ++end;
    }
    std::array<size_t, 4> chosen = {begin, lowest, highest, end - 1};
    std::sort(chosen.begin(), chosen.end());
    const auto last = std::unique(chosen.begin(), chosen.end());
    for (auto place = chosen.begin(); place != last; ++place) kept.push_back(points[*place]);
    begin = end;
  }
  return kept;
}

}  // namespace blip2
