// What a run writes while it goes on: a row of the log for each step, and snapshots to go on from.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "blip2/ranks/communicator.h"
#include "blip2/train/config/config.h"
#include "blip2/train/records/event_log.h"
#include "blip2/train/records/resume.h"
#include "blip2/train/records/snapshot_writer.h"

namespace blip2 {

/// Rank 0 writes for all; on the other ranks every call does nothing.
class RunRecords {
 public:
  /// Of a run that goes on from `point` and has `num_steps` steps.
  RunRecords(const RunConfig& run, const ResumePoint& point, int64_t num_steps,
             const Communicator& communicator);

  /// Writes the row if it is due or of a step that was not applied.
  void log(const LogRow& row);
  /// Starts a snapshot; the run goes on while it is written. Throws as SnapshotWriter::start().
  void save(const RunState& state, const SnapshotTensors& tensors);
  /// Throws what a snapshot could not be written for: once, and without waiting.
  void check();
  /// Waits for the last snapshot. Throws what it could not be written for.
  void finish();
  /// Where an error is under way: "; the last good snapshot: FOLDER"; nothing on the other ranks.
  std::string last_good_snapshot();

 private:
  const RunConfig& run_;
  int64_t num_steps_;
  std::unique_ptr<EventLog> log_;              // on rank 0
  std::unique_ptr<SnapshotWriter> snapshots_;  // on rank 0
};

}  // namespace blip2
