// The log and the snapshots of rank 0.
#include "blip2/train/records/run_records.h"

namespace blip2 {
namespace fs = std::filesystem;

RunRecords::RunRecords(const RunConfig& run, const ResumePoint& point, int64_t num_steps,
                       const Communicator& communicator)
    : run_(run), num_steps_(num_steps) {
  if (communicator.rank() != 0) return;
  log_ = std::make_unique<EventLog>(run.output_dir, point.state.step);
  snapshots_ = std::make_unique<SnapshotWriter>(fs::path(run.output_dir) / "checkpoints",
                                                run.keep_checkpoints, point.snapshot);
}

void RunRecords::log(const LogRow& row) {
  const bool is_due = row.step % run_.log_every == 0 || row.step == 1 || row.step == num_steps_;
  if (log_ && (is_due || !row.applied)) log_->write(row);
}

void RunRecords::save(const RunState& state, const SnapshotTensors& tensors) {
  if (snapshots_) snapshots_->start(state, tensors);
}

void RunRecords::check() {
  if (snapshots_) snapshots_->check();
}

void RunRecords::finish() {
  if (snapshots_) snapshots_->finish();
}

std::string RunRecords::last_good_snapshot() {
  if (!snapshots_) return "";
  snapshots_->settle();
  return "; the last good snapshot: " +
         (snapshots_->newest().empty() ? "none" : snapshots_->newest().string());
}

}  // namespace blip2
