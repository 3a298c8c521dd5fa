// The training loop of a run: batches, gradients, the optimiser, the log and the snapshots. It
// knows no model.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "blip2/base/interrupt.h"
#include "blip2/ranks/communicator.h"
#include "blip2/train/config/keys.h"
#include "blip2/train/records/event_log.h"
#include "blip2/train/records/resume_options.h"
#include "blip2/train/schedule.h"
#include "blip2/train/stage.h"

namespace blip2 {

struct TrainerOptions {
  EpochShape shape;             ///< how the run divides its epochs
  std::vector<DataList> lists;  ///< what its data sets list; on rank 0
  /// "auto": resume from the newest undamaged snapshot of output_dir, else start anew. "never":
  /// start anew and move away what is there. Otherwise the folder of a snapshot, or of a run, whose
  /// newest undamaged snapshot is taken.
  std::string resume = "auto";
  ChangedData changed_data = ChangedData::kRefused;
  std::string config_yaml;  ///< written to output_dir/config.yaml; a snapshot records its checksum
  /// Ends the run after this step with a snapshot and without a model. The schedule stays that of
  /// the whole run.
  std::optional<int64_t> stop_after;
  /// Called on every rank before the first step, with the number of the last one that this call
  /// makes. Not called for a finished run.
  std::function<void(int64_t last_step)> before_first_step;
  /// Called on every rank after each step and before its snapshot, with the row of the step. May
  /// throw to stop the run.
  std::function<void(const LogRow&)> after_step;
  /// Called before the update of each step. If it returns true, the run saves a snapshot after the
  /// step and throws kInterrupted.
  std::function<bool()> stop_requested = interrupted;
};

struct TrainingSummary {
  int64_t first_step = 0;  ///< of this call; greater than `last_step` if there was nothing to do
  int64_t last_step = 0;
  int64_t samples = 0;  ///< of the whole run, over all ranks
};

/// Trains until the last step and writes run.output_dir: config.yaml, log.jsonl, tensorboard/,
/// checkpoints/ and model/. A finished run is left unchanged. Throws kInterrupted; kCorruptData
/// after run.max_bad_steps consecutive steps without a finite loss and gradient, or for a damaged
/// snapshot that options.resume names; kUnavailable for a full disk.
TrainingSummary train(Stage& stage, const RunConfig& run, Communicator& communicator,
                      const TrainerOptions& options);

}  // namespace blip2
