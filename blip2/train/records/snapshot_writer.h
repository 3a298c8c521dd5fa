// Writes snapshots while the run continues: copies the tensors, and a thread writes the copies.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <future>
#include <vector>

#include "blip2/train/records/snapshot.h"

namespace blip2 {

/// Writes one snapshot at a time. Methods are called by one thread.
class SnapshotWriter {
 public:
  /// `newest`: the snapshot that the run resumed from, if any.
  SnapshotWriter(std::filesystem::path checkpoints, int64_t keep, std::filesystem::path newest);
  /// Calls settle().
  ~SnapshotWriter();
  SnapshotWriter(const SnapshotWriter&) = delete;
  SnapshotWriter& operator=(const SnapshotWriter&) = delete;

  /// Copies the tensors, which may change when this returns, and starts save_snapshot() on the
  /// copies. First waits for the snapshot before this one and throws its error. The copies stay
  /// allocated and take as many bytes as the tensors.
  void start(const RunState& state, const SnapshotTensors& tensors);
  /// Throws the error of a snapshot that could not be written, once. Does not wait.
  void check();
  /// Waits for the last snapshot. Throws its error if it could not be written.
  void finish();
  /// The same while another error is being handled: logs the snapshot's error as a warning.
  void settle() noexcept;

  /// The folder of the newest snapshot that is certainly on disk; empty if there is none.
  const std::filesystem::path& newest() const { return newest_; }

 private:
  std::filesystem::path checkpoints_;
  int64_t keep_;
  std::filesystem::path newest_;
  std::vector<at::Tensor> model_, optimizer_;  // the copies
  std::future<std::filesystem::path> writing_;
};

}  // namespace blip2
