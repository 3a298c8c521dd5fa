// Snapshots of a run, to go on from: checkpoints/step-NNNNNNNNN/ with the trained tensors, the
// optimiser's and the position in the run. A snapshot is whole or absent, and says itself whether
// it is damaged.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "blip2/nn/module.h"

namespace blip2 {

/// Where a run stands. Random state is no part of it: streams follow from (seed, step, batch,
/// rank).
struct RunState {
  int64_t step = 0;              ///< optimiser steps done
  int64_t batches_consumed = 0;  ///< of each rank
  int64_t num_ranks = 1;
  int64_t batches_per_epoch = 0;  ///< of each rank; 0: not known
  int64_t num_stretches = 0;      ///< see DataPosition
  int64_t samples = 0;            ///< over all ranks
  int64_t bad_steps = 0;          ///< the last steps in a row that were not applied
  double elapsed_s = 0;
  int64_t seed = 0;
  std::string config_yaml;  ///< the resolved configuration; of an older snapshot ""
  std::string config_checksum;
};

struct SnapshotTensors {
  std::vector<NamedTensor> model;      ///< trained tensors
  std::vector<NamedTensor> optimizer;  ///< AdamW::state(), WeightAverage::state()
};

/// The file that a snapshot's folder has, and no other.
inline constexpr const char* kSnapshotState = "state.json";

/// The folder of the snapshot after `step`, below `checkpoints`.
std::filesystem::path snapshot_folder(const std::filesystem::path& checkpoints, int64_t step);

/// Writes a snapshot (temporary folder, sync, rename), then removes all but the newest `keep`.
/// Returns its folder. state.config_checksum is not read: it follows from config_yaml. Errors:
/// kUnavailable (a full disk); nothing half-written stays.
std::filesystem::path save_snapshot(const std::filesystem::path& checkpoints, const RunState& state,
                                    const SnapshotTensors& tensors, int64_t keep);

/// Checks every checksum, then fills the tensors. Errors: kNotFound, kCorruptData (damaged, or of
/// another model); then no tensor was touched.
RunState load_snapshot(const std::filesystem::path& folder, const SnapshotTensors& tensors);

/// Throws as load_snapshot() would for damaged files; reads everything once.
RunState verify_snapshot(const std::filesystem::path& folder);

/// The newest snapshot below `checkpoints` that is whole; a warning for each damaged one that is
/// newer.
std::optional<std::filesystem::path> newest_snapshot(const std::filesystem::path& checkpoints);

/// Renames snapshots after `step` to *.abandoned, with a warning: the run that goes on from `step`
/// writes its own.
void abandon_snapshots_after(const std::filesystem::path& checkpoints, int64_t step);

}  // namespace blip2
