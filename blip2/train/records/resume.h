// Where a run starts: at its first step, or after a snapshot.
#pragma once

#include <cstdint>
#include <filesystem>

#include "blip2/ranks/communicator.h"
#include "blip2/train/config/keys.h"
#include "blip2/train/records/resume_options.h"
#include "blip2/train/records/snapshot.h"

namespace blip2 {

struct ResumePoint {
  RunState state;                  ///< of this run: its shape, its lists; step 0 for a new one
  std::filesystem::path snapshot;  ///< where the state comes from; empty for a new run
  int64_t num_steps = 0;           ///< of the whole run
  bool finished = false;           ///< all steps are done and the model is written
};

/// Finds the snapshot that options.resume asks for, fills `tensors` from it, and prepares
/// run.output_dir: writes config.yaml and renames later snapshots. Every rank reads; only rank 0
/// changes files, after all ranks have read. A finished run is reported and left unchanged. With
/// another batch size or number of ranks the run resumes at the same sample of the same epoch. What
/// changes the run's numbers is reported. Throws kInvalidArgument for other data, unless
/// options.changed_data takes them.
ResumePoint resume_run(const RunConfig& run, const ResumeOptions& options,
                       const SnapshotTensors& tensors, Communicator& communicator);

}  // namespace blip2
