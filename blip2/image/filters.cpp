// The filters' formulas, with the constants and the order of operations of Pillow's Resample.c.
#include "blip2/image/filters.h"

#include <cmath>
#include <numbers>

#include "blip2/base/error.h"

namespace blip2 {
namespace {

double sinc(double x) {
  if (x == 0.0) return 1.0;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

double bicubic_value(double x) {
  constexpr double a = -0.5;
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}

double hamming_value(double x) {
  if (x == 0.0) return 1.0;
  if (x >= 1.0) return 0.0;
  x *= std::numbers::pi;
  return std::sin(x) / x * (0.54f + 0.46f * std::cos(x));  // Pillow's constants are floats
}

}  // namespace

double filter_support(Filter filter) {
  switch (filter) {
    case Filter::kBox:
      return 0.5;
    case Filter::kBilinear:
    case Filter::kHamming:
      return 1.0;
    case Filter::kBicubic:
      return 2.0;
    case Filter::kLanczos:
      return 3.0;
    case Filter::kNearest:
      break;
  }
  fail(ErrorCode::kInternal, "resize: this filter has no weights");
}

double filter_value(Filter filter, double distance) {
  const double x = std::fabs(distance);
  switch (filter) {
    case Filter::kBox:
      return distance > -0.5 && distance <= 0.5 ? 1.0 : 0.0;
    case Filter::kBilinear:
      return x < 1.0 ? 1.0 - x : 0.0;
    case Filter::kHamming:
      return hamming_value(x);
    case Filter::kBicubic:
      return bicubic_value(x);
    case Filter::kLanczos:
      return distance >= -3.0 && distance < 3.0 ? sinc(distance) * sinc(distance / 3) : 0.0;
    case Filter::kNearest:
      break;
  }
  fail(ErrorCode::kInternal, "resize: this filter has no weights");
}

}  // namespace blip2
