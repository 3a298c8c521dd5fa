// Snapshots, from which a run resumes: checkpoints/step-NNNNNNNNN/ with the trained tensors, those
// of the optimiser, and the position in the run. A snapshot is complete or absent, and its
// checksums show whether it is damaged.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "blip2/nn/module.h"
#include "blip2/train/records/data_state.h"

namespace blip2 {

/// The position of a run. It holds no state of random generators: each stream of random numbers
/// follows from (seed, step, batch, rank).
struct RunState {
  int64_t step = 0;              ///< optimiser steps done
  int64_t batches_consumed = 0;  ///< by each rank since the start of the run
  int64_t samples = 0;           ///< over all ranks
  int64_t bad_steps = 0;         ///< how many of the last steps, without a gap, were not applied
  double elapsed_s = 0;
  int64_t seed = 0;
  std::string config_yaml;  ///< the resolved configuration; "" in an older snapshot
  std::string config_checksum;
  DataState data;
  /// The position of a snapshot of format 1, which has no `data`.
  std::optional<PositionInBatches> in_batches;
};

struct SnapshotTensors {
  std::vector<NamedTensor> model;      ///< trained tensors
  std::vector<NamedTensor> optimizer;  ///< AdamW::state(), WeightAverage::state()
};

/// The file that makes a folder a snapshot.
inline constexpr const char* kSnapshotState = "state.json";

/// The folder of the snapshot after `step`, in `checkpoints`.
std::filesystem::path snapshot_folder(const std::filesystem::path& checkpoints, int64_t step);

/// Writes a snapshot (temporary folder, sync, rename), then removes all but the newest `keep`.
/// Returns its folder. Ignores state.config_checksum, which follows from config_yaml. Throws
/// kUnavailable (a full disk), and then leaves no file.
std::filesystem::path save_snapshot(const std::filesystem::path& checkpoints, const RunState& state,
                                    const SnapshotTensors& tensors, int64_t keep);

/// Checks all checksums, then fills the tensors. Throws kNotFound, or kCorruptData for a damaged
/// snapshot or one of another model; the tensors are unchanged then.
RunState load_snapshot(const std::filesystem::path& folder, const SnapshotTensors& tensors);

/// Reads all files once and throws as load_snapshot() does for damaged ones.
RunState verify_snapshot(const std::filesystem::path& folder);

/// The newest undamaged snapshot in `checkpoints`. Logs a warning for each newer, damaged one.
std::optional<std::filesystem::path> newest_snapshot(const std::filesystem::path& checkpoints);

/// Renames the snapshots of steps after `step` to *.abandoned, with a warning: a run that resumes
/// from `step` writes its own.
void abandon_snapshots_after(const std::filesystem::path& checkpoints, int64_t step);

}  // namespace blip2
