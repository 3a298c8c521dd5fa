// Values to pixels, and an axis as SVG.
#include "blip2/report/axis.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/report/ticks.h"

namespace blip2 {

double Axis::place(double value) const {
  const auto transform = [this](double v) {
    if (scale == AxisScale::kLinear) return v;
    return v > 0 ? std::log10(v) : std::numeric_limits<double>::quiet_NaN();
  };
  const double span = transform(high) - transform(low);
  const double share = span > 0 ? (transform(value) - transform(low)) / span : 0.5;
  return std::isnan(share) ? share : begin + std::clamp(share, 0.0, 1.0) * (end - begin);
}

std::vector<double> Axis::ticks(int count) const {
  return scale == AxisScale::kLinear ? nice_ticks(low, high, count) : log_ticks(low, high);
}

std::vector<std::string> Axis::labels(const std::vector<double>& ticks) const {
  return scale == AxisScale::kLinear ? tick_labels(ticks) : log_tick_labels(ticks);
}

void AxisExtent::add(double value) {
  if (std::isfinite(value) && (scale_ == AxisScale::kLinear || value > 0)) values_.push_back(value);
}

Axis AxisExtent::fit(double trim) {
  BLIP2_CHECK(!values_.empty() && trim >= 0 && trim < 0.5);
  std::sort(values_.begin(), values_.end());
  const auto skip = static_cast<size_t>(trim * static_cast<double>(values_.size()));
  return {.scale = scale_, .low = values_[skip], .high = values_[values_.size() - 1 - skip]};
}

void AxisExtent::widen(Axis& axis) const {
  for (const double value : values_) {
    axis.low = std::min(axis.low, value);
    axis.high = std::max(axis.high, value);
  }
}

void pad_axis(Axis& axis, bool from_zero) {
  if (axis.scale == AxisScale::kLogarithmic) {
    const double factor = std::max(1.05, std::pow(axis.high / axis.low, 0.04));
    axis.low /= factor;
    axis.high *= factor;
    return;
  }
  const double span = axis.high - axis.low;
  const double air = span > 0 ? 0.04 * span : std::max(1e-6, 0.1 * std::abs(axis.high));
  axis.low = from_zero && axis.low >= 0 ? 0 : axis.low - air;
  axis.high += air;
}

}  // namespace blip2
