// What a run says of itself when it looks for a snapshot to resume from.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "blip2/train/records/data_state.h"

namespace blip2 {

/// What becomes of a run whose data sets list other records than its snapshot knows.
enum class ChangedData { kRefused, kTaken };

struct ResumeOptions {
  std::string resume = "auto";  ///< as TrainerOptions::resume
  ChangedData changed_data = ChangedData::kRefused;
  std::string config_yaml;  ///< the resolved configuration of this run
  EpochShape shape;
  std::vector<DataList> lists;  ///< of this run's data sets; on rank 0
  /// The steps of the whole run, from those that are done and the batches of a rank that are left
  /// to the end of its last epoch.
  std::function<int64_t(int64_t steps_done, int64_t batches_left)> num_steps;
};

}  // namespace blip2
