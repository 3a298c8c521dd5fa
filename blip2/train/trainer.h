// The training loop: batches, gradients, the optimiser, the log and the snapshots of one run. It
// knows no model.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "blip2/base/interrupt.h"
#include "blip2/ranks/communicator.h"
#include "blip2/train/config/config.h"
#include "blip2/train/records/event_log.h"
#include "blip2/train/schedule.h"
#include "blip2/train/stage.h"

namespace blip2 {

struct TrainerOptions {
  int64_t batches_per_epoch = 0;  ///< of one rank; the last incomplete batch is not counted
  /// "auto": from the newest whole snapshot of output_dir, else from the start; "never": from the
  /// start, what is there is set aside; else a snapshot's folder, or a run's (its newest whole
  /// snapshot).
  std::string resume = "auto";
  std::string config_yaml;  ///< written to output_dir/config.yaml; a snapshot records its checksum
  /// Ends the run after this step with a snapshot and no model; its schedule stays that of the
  /// whole run.
  std::optional<int64_t> stop_after;
  /// Called on every rank after each step, before its snapshot, with what it would log; may throw
  /// to stop.
  std::function<void(const LogRow&)> after_step;
  /// Asked before each step; true: a snapshot is saved and kInterrupted thrown.
  std::function<bool()> stop_requested = interrupted;
};

/// The last step of the call train(run, options).
int64_t last_step(const RunConfig& run, const TrainerOptions& options);

struct TrainingSummary {
  int64_t first_step =
      0;  ///< the first step of this call; past `last_step` if there was nothing to do
  int64_t last_step = 0;
  int64_t samples = 0;  ///< of the whole run, over all ranks
};

/// Runs `run` to its end and writes run.output_dir: config.yaml, log.jsonl, tensorboard/,
/// checkpoints/, model/. A finished run is left as it is. Errors: kInterrupted; kCorruptData after
/// run.max_bad_steps steps in a row without a finite loss and gradient, or for a damaged snapshot
/// named by options.resume; kUnavailable for a full disk.
TrainingSummary train(Stage& stage, const RunConfig& run, Communicator& communicator,
                      const TrainerOptions& options);

}  // namespace blip2
