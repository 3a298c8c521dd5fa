// Round numbers along an axis.
#include "blip2/report/ticks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <vector>

#include "blip2/report/markup.h"

namespace blip2 {

std::vector<double> nice_ticks(double low, double high, int count) {
  if (!std::isfinite(low) || !std::isfinite(high) || low > high || count < 1) return {};
  if (low == high) return {low};
  const double rough = (high - low) / count;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  const double share = rough / power;  // 1 to 10
  const double step = (share < 1.5 ? 1 : share < 3.5 ? 2 : share < 7.5 ? 5 : 10) * power;
  if (!std::isfinite(step) || step <= 0) return {low};

  // Ends that are a multiple up to rounding belong to the axis.
  constexpr double kSlack = 1e-9;
  const double first = std::ceil(low / step - kSlack);
  const double last = std::floor(high / step + kSlack);
  std::vector<double> ticks;
  for (double k = first; k <= last && ticks.size() < 1000; ++k) {
    ticks.push_back(k == 0 ? 0 : k * step);
  }
  return ticks;
}

std::vector<double> log_ticks(double low, double high) {
  if (!(low > 0) || !std::isfinite(high) || low > high) return {};
  const auto within = [=](double value) {
    return value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9);
  };
  const auto multiples = [&](std::initializer_list<double> factors) {
    std::vector<double> ticks;
    const double last = std::floor(std::log10(high));
    for (double exponent = std::floor(std::log10(low)); exponent <= last; ++exponent) {
      for (const double factor : factors) {
        // Division keeps 0.001 the nearest number to it, which 10 ** -3 may not be.
        const double value =
            exponent < 0 ? factor / std::pow(10.0, -exponent) : factor * std::pow(10.0, exponent);
        if (within(value)) ticks.push_back(value);
      }
    }
    return ticks;
  };
  std::vector<double> ticks = multiples({1});
  if (ticks.size() < 3) ticks = multiples({1, 2, 5});
  if (ticks.size() < 3) ticks = nice_ticks(low, high, 4);
  // Over very many decades every second, third, ... power is enough.
  const size_t stride = ticks.size() / 9 + 1;
  std::vector<double> thinned;
  for (size_t i = 0; i < ticks.size(); i += stride) thinned.push_back(ticks[i]);
  return thinned;
}

std::vector<std::string> tick_labels(const std::vector<double>& ticks) {
  double largest = 0;
  double smallest = 0;  // of those that are not 0
  for (const double tick : ticks) {
    const double size = std::abs(tick);
    largest = std::max(largest, size);
    if (size > 0 && (smallest == 0 || size < smallest)) smallest = size;
  }
  const bool powers = largest >= 1e7 || (smallest > 0 && smallest < 1e-4);
  int decimals = 0;
  for (const double tick : ticks) {
    while (!powers && decimals < 6) {
      const double scaled = tick * std::pow(10.0, decimals);
      if (std::abs(scaled - std::round(scaled)) < 1e-6 * std::max(1.0, std::abs(scaled))) break;
      ++decimals;
    }
  }
  std::vector<std::string> labels;
  for (const double tick : ticks) {
    if (powers) {
      labels.push_back(tick == 0 ? "0" : fmt::format("{:.3g}", tick));
    } else if (decimals == 0 && largest >= 1000) {
      labels.push_back(tick < 0 ? fmt::format("\u2212{}", format_count(std::llround(-tick)))
                                : format_count(std::llround(tick)));
    } else {
      labels.push_back(format_number(tick, decimals));
    }
  }
  return labels;
}

std::vector<std::string> log_tick_labels(const std::vector<double>& ticks) {
  std::vector<std::string> labels;
  for (const double tick : ticks) labels.push_back(tick_labels({tick}).front());
  return labels;
}

}  // namespace blip2
