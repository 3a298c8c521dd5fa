// What a run writes between its start and its end: rows of the log, and snapshots to resume from.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "blip2/ranks/communicator.h"
#include "blip2/train/config/keys.h"
#include "blip2/train/records/event_log.h"
#include "blip2/train/records/resume.h"
#include "blip2/train/records/snapshot_writer.h"

namespace blip2 {

/// Rank 0 writes for all ranks; on the others every call does nothing.
class RunRecords {
 public:
  /// For a run that starts at `point` and has `num_steps` steps. `run` must outlive this.
  RunRecords(const RunConfig& run, const ResumePoint& point, int64_t num_steps,
             const Communicator& communicator);

  /// Writes the row if run.log_every asks for it, or if the step was not applied.
  void log(const LogRow& row);
  /// Starts a snapshot, which a thread writes. Throws as SnapshotWriter::start() does.
  void save(const RunState& state, const SnapshotTensors& tensors);
  /// Throws the error of a snapshot that could not be written, once. Does not wait.
  void check();
  /// Waits for the last snapshot. Throws its error if it could not be written.
  void finish();
  /// The end of an error's message, "; the last good snapshot: FOLDER"; empty on other ranks than
  /// 0. Waits for the last snapshot.
  std::string last_good_snapshot();

 private:
  const RunConfig& run_;
  int64_t num_steps_;
  std::unique_ptr<EventLog> log_;              // on rank 0
  std::unique_ptr<SnapshotWriter> snapshots_;  // on rank 0
};

}  // namespace blip2
