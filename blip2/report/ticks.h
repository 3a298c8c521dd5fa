// Where an axis has its marks and how they are written. Arithmetic only.
#pragma once

#include <string>
#include <vector>

namespace blip2 {

/// Multiples of 1, 2 or 5 times a power of ten within [low, high], about `count` of them (`count`
/// at least 1; at most twice as many come). An empty or not finite range gives one or no tick.
std::vector<double> nice_ticks(double low, double high, int count);

/// Powers of ten within [low, high], 0 < low <= high; where these are fewer than three also their
/// doubles and fivefolds, and nice_ticks() where even these are too few.
std::vector<double> log_ticks(double low, double high);

/// The labels of these ticks: all with the decimals that the finest of them needs, with commas for
/// thousands, as powers ("1e-06") where they are very small or large.
std::vector<std::string> tick_labels(const std::vector<double>& ticks);

/// The labels for a logarithmic axis, each with the decimals that it needs itself: 0.5, 1, 10.
std::vector<std::string> log_tick_labels(const std::vector<double>& ticks);

}  // namespace blip2
