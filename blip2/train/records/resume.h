// Where a run starts: at its first step, or after a snapshot.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "blip2/ranks/communicator.h"
#include "blip2/train/config/keys.h"
#include "blip2/train/records/snapshot.h"

namespace blip2 {

struct ResumeOptions {
  std::string resume = "auto";    ///< as TrainerOptions::resume
  std::string config_yaml;        ///< the resolved configuration of this run
  int64_t batches_per_epoch = 0;  ///< of one rank
  int64_t num_steps = 0;          ///< of the whole run
};

struct ResumePoint {
  RunState state;                  ///< all zero for a new run
  std::filesystem::path snapshot;  ///< where the state comes from; empty for a new run
  bool finished = false;           ///< all steps are done and the model is written
};

/// Finds the snapshot that options.resume asks for, fills `tensors` from it, and prepares
/// run.output_dir: writes config.yaml and renames later snapshots. Every rank reads; only rank 0
/// changes files, after all ranks have read. A finished run is reported and left unchanged. A
/// snapshot of another number of ranks resumes in the same epoch, at its position in the data
/// rounded down to a whole batch of all ranks.
ResumePoint resume_run(const RunConfig& run, const ResumeOptions& options,
                       const SnapshotTensors& tensors, Communicator& communicator);

}  // namespace blip2
