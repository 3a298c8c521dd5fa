// The points of a drawn line: smoothing, thinning, and SVG path data. NaN marks a gap.
#pragma once

#include <string>
#include <vector>

namespace blip2 {

struct Point {
  double x = 0;
  double y = 0;
};
using Polyline = std::vector<Point>;

/// A centred mean with triangular weights over `window` points, NaN left out: it does not lag
/// after it, and at both ends the window is what there is. Where the window holds no number, NaN.
std::vector<double> smoothed(const std::vector<double>& values, int window);

/// Long lines with at most four points for each unit of x: first, lowest, highest and last. Spikes
/// and gaps stay visible. Lines of less than 1,200 points come back as they are.
Polyline thinned(const Polyline& points);

/// The `d` of an SVG path through the points, to a tenth of a unit; a NaN lifts the pen.
std::string path_data(const Polyline& points);

}  // namespace blip2
