// One axis of a chart: from values to places in the drawing.
#pragma once

#include <string>
#include <vector>

namespace blip2 {

enum class AxisScale { kLinear, kLogarithmic };

struct Axis {
  AxisScale scale = AxisScale::kLinear;
  double low = 0, high = 1;   ///< the values at both ends; above 0 on a logarithmic axis
  double begin = 0, end = 1;  ///< where these are drawn

  /// NaN for what has no place (NaN, or 0 and below on a logarithmic axis); what is outside is
  /// drawn at the edge.
  double place(double value) const;
  /// About `count` round values within the axis, and how they are written.
  std::vector<double> ticks(int count) const;
  std::vector<std::string> labels(const std::vector<double>& ticks) const;
};

/// The values that an axis should show, gathered before its range is chosen.
class AxisExtent {
 public:
  explicit AxisExtent(AxisScale scale) : scale_(scale) {}

  /// Leaves out what has no place on the axis.
  void add(double value);
  bool empty() const { return values_.empty(); }
  /// An axis over the values, without the share `trim` of them at either end, so that lone spikes
  /// do not flatten the rest. Must not be empty.
  Axis fit(double trim);
  /// Makes the axis reach all values.
  void widen(Axis& axis) const;

 private:
  AxisScale scale_;
  std::vector<double> values_;
};

/// Adds a little air at both ends, a lot to a range of one value. With `from_zero` a linear axis of
/// positive values begins at 0 instead.
void pad_axis(Axis& axis, bool from_zero);

}  // namespace blip2
