// The two ends of a run on disk: where it goes on from, and the model that it leaves. The steps
// between are train/trainer's.
#pragma once

#include <cstdint>
#include <filesystem>

#include "blip2/ranks/communicator.h"
#include "blip2/train/config/config.h"
#include "blip2/train/records/snapshot.h"

namespace blip2 {

struct TrainerOptions;

struct ResumePoint {
  RunState state;                  ///< all zero for a new run
  std::filesystem::path snapshot;  ///< what it came from; empty for a new run
  bool finished = false;           ///< all steps are done and the model is there
};

/// Finds where the run stands (TrainerOptions::resume), fills `tensors` from there, and makes
/// output_dir ready: config.yaml written, later snapshots set aside. Every rank reads, rank 0 alone
/// changes files, when all have read. A finished run is said to be so, and left as it is. A
/// snapshot of another number of ranks is gone on from at its place in the data, in the same epoch:
/// rounded down to a whole batch of all ranks.
ResumePoint resume_run(const RunConfig& run, const TrainerOptions& options,
                       const SnapshotTensors& tensors, int64_t num_steps,
                       Communicator& communicator);

}  // namespace blip2
