// The signs, each with its threshold.
#include "blip2/train/health.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

namespace blip2 {
namespace {

/// ITM's loss if the answer is the same for all pairs, of which two in three are negative: ln 3 -
/// 2/3 ln 2.
constexpr double kOneClassLoss = 0.6365;
constexpr double kOneClassAccuracy = 2.0 / 3.0;
/// BLIP clamps the temperature to this range (LAVIS 1.0.2, models/blip_models/blip_pretrain.py);
/// BLIP-2 does not clamp it.
constexpr double kLowestTemperature = 0.001, kHighestTemperature = 0.5;
constexpr double kCollapsed = 0.95;
constexpr double kSlowData = 0.3;

}  // namespace

double RunHealth::mean(double Step::* value) const {
  double sum = 0;
  for (const Step& step : window_) sum += step.*value;
  return sum / static_cast<double>(window_.size());
}

void RunHealth::warn(const char* sign, std::string text, std::vector<std::string>& warnings) {
  if (given_.insert(sign).second) warnings.push_back(std::move(text));
}

std::vector<std::string> RunHealth::check(const LogRow& row, double data_s, double step_s) {
  window_.push_back({value_of(row, "loss_itm"), value_of(row, "itm_accuracy"),
                     value_of(row, "temperature"), value_of(row, "query_similarity"), data_s,
                     step_s});
  if (window_.size() > kWindow) window_.pop_front();
  std::vector<std::string> warnings;
  const double temperature = window_.back().temperature;
  if (temperature <= kLowestTemperature || temperature >= kHighestTemperature) {
    warn("temperature",
         fmt::format("step {}: ITC's temperature is {:.4g}, outside {} to {}; a smaller "
                     "learning rate keeps it inside",
                     row.step, temperature, kLowestTemperature, kHighestTemperature),
         warnings);
  }
  if (window_.size() < kWindow) return warnings;  // comparisons with NaN below are false
  if (std::abs(mean(&Step::itm_loss) - kOneClassLoss) < 0.01 &&
      std::abs(mean(&Step::itm_accuracy) - kOneClassAccuracy) < 0.01) {
    warn("itm",
         fmt::format("step {}: over {} steps ITM's loss is {:.3f}, that of the same answer for all "
                     "pairs; run.hard_negatives_from makes training start with uniform negatives",
                     row.step, kWindow, mean(&Step::itm_loss)),
         warnings);
  }
  if (mean(&Step::query_similarity) > kCollapsed) {
    warn("queries",
         fmt::format("step {}: over {} steps a picture's queries are nearly equal (mean squared "
                     "cosine {:.3f}); run.loss_weights.query_similarity keeps them different",
                     row.step, kWindow, mean(&Step::query_similarity)),
         warnings);
  }
  const double share = mean(&Step::data_s) / mean(&Step::step_s);
  if (share > kSlowData) {
    warn("data",
         fmt::format("step {}: {:.0f} % of the time is spent waiting for data; more "
                     "run.num_workers, smaller pictures or a feature_cache make it less",
                     row.step, 100 * share),
         warnings);
  }
  return warnings;
}

}  // namespace blip2
