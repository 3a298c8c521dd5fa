// Snapshots of a run that goes on: what they hold is copied, and a thread writes the copies.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <future>
#include <vector>

#include "blip2/train/records/snapshot.h"

namespace blip2 {

/// Writes one snapshot at a time. Of one thread, but for what happens inside.
class SnapshotWriter {
 public:
  /// `newest`: the snapshot that the run went on from, if any.
  SnapshotWriter(std::filesystem::path checkpoints, int64_t keep, std::filesystem::path newest);
  /// As settle().
  ~SnapshotWriter();
  SnapshotWriter(const SnapshotWriter&) = delete;
  SnapshotWriter& operator=(const SnapshotWriter&) = delete;

  /// Copies the tensors, which may change as soon as this returns, and has them written as
  /// save_snapshot() does. Waits for the snapshot before this one, whose error it throws. The
  /// copies take as many bytes as the tensors, from the first call on.
  void start(const RunState& state, const SnapshotTensors& tensors);
  /// Throws what a snapshot could not be written for: once, and without waiting.
  void check();
  /// Waits for the last snapshot. Throws what it could not be written for.
  void finish();
  /// The same where another error is under way: a snapshot that could not be written is a warning.
  void settle() noexcept;

  /// The folder of the newest snapshot that is known to be on disk; empty if there is none.
  const std::filesystem::path& newest() const { return newest_; }

 private:
  std::filesystem::path checkpoints_;
  int64_t keep_;
  std::filesystem::path newest_;
  std::vector<at::Tensor> model_, optimizer_;  // the copies
  std::future<std::filesystem::path> writing_;
};

}  // namespace blip2
