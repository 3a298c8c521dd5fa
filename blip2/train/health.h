// Warnings about a run that learns nothing or waits for its data.
#pragma once

#include <cstdint>
#include <deque>
#include <set>
#include <string>
#include <vector>

#include "blip2/train/records/event_log.h"

namespace blip2 {

/// Examines every step of a run. Each warning is given once.
class RunHealth {
 public:
  /// Number of steps that a mean is over.
  static constexpr size_t kWindow = 200;

  /// The new warnings after this step, usually none. `data_s`: time that the step waited for its
  /// samples; `step_s`: time of the whole step.
  std::vector<std::string> check(const LogRow& row, double data_s, double step_s);

 private:
  struct Step {
    double itm_loss, itm_accuracy, temperature, query_similarity, data_s, step_s;
  };
  double mean(double Step::* value) const;
  void warn(const char* sign, std::string text, std::vector<std::string>& warnings);

  std::deque<Step> window_;
  std::set<std::string> given_;
};

}  // namespace blip2
