// What a person who watches a run would want to be told: signs that it learns nothing.
#pragma once

#include <cstdint>
#include <deque>
#include <set>
#include <string>
#include <vector>

#include "blip2/train/records/event_log.h"

namespace blip2 {

/// Looks at every step of a run; each warning comes once.
class RunHealth {
 public:
  /// Steps that a judgement is over.
  static constexpr size_t kWindow = 200;

  /// What there is to say after this step, usually nothing. `data_s`: how long the step waited for
  /// its samples; `step_s`: how long it took in all.
  std::vector<std::string> check(const LogRow& row, double data_s, double step_s);

 private:
  struct Step {
    double itm_loss, itm_accuracy, temperature, query_similarity, data_s, step_s;
  };
  double mean(double Step::* value) const;
  void warn(const char* sign, std::string text, std::vector<std::string>& warnings);

  std::deque<Step> window_;
  std::set<std::string> told_;
};

}  // namespace blip2
