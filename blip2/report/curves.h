// Line charts as SVG text: losses over steps and such. No script; readable in light and dark.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "blip2/report/axis.h"

namespace blip2 {

/// One line of a chart. Points are in order of x; NaN in y leaves a gap.
struct Curve {
  std::string label;  ///< for the legend, which a chart of one curve does without
  std::vector<double> x;
  std::vector<double> y;  ///< one per x
};

/// A vertical line where something changes: "hard negatives from here".
struct ChartMark {
  double x = 0;
  std::string label;
};

struct CurveChart {
  std::string title = {};
  std::string x_label = {};
  std::string y_label = {};
  std::vector<Curve> curves = {};
  AxisScale x_scale = AxisScale::kLinear;
  AxisScale y_scale = AxisScale::kLinear;  ///< values of 0 and below are gaps on a logarithmic axis
  bool y_from_zero = false;                ///< the linear y axis begins at 0
  /// The window of the smoothed line as a share of the points; 0 draws only the points. Fewer than
  /// 30 points are never smoothed.
  double smoothing = 0.04;
  std::optional<double> reference = {};  ///< a horizontal line: chance, a baseline
  std::string reference_label = {};
  std::vector<ChartMark> marks = {};
  int width = 520;  ///< in units of the drawing; it scales to its place on the page
  int height = 320;
};

/// The chart as one <svg> element. A chart without a single finite point says "no data".
/// Throws kInvalidArgument where x and y of a curve differ in length.
std::string curve_svg(const CurveChart& chart);

}  // namespace blip2
