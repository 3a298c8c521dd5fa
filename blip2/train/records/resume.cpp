// Finding a snapshot, what changed since it was written, and the folder as the run needs it.
#include "blip2/train/records/resume.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <system_error>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/base/log.h"
#include "blip2/ranks/divergence.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

void rename_path(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) {
    fail(ErrorCode::kUnavailable, "{}: cannot rename to {}: {}", from.string(), to.string(),
         error.message());
  }
}

/// Moves what an earlier run left into output_dir/earlier-N, so that a new start loses no training.
void set_aside(const fs::path& output_dir) {
  std::optional<fs::path> earlier;
  for (const char* name : {"checkpoints", "log.jsonl", "tensorboard", "model"}) {
    if (!fs::exists(output_dir / name)) continue;
    if (!earlier) {
      int64_t number = 1;
      while (fs::exists(output_dir / fmt::format("earlier-{}", number))) ++number;
      earlier = output_dir / fmt::format("earlier-{}", number);
      make_directories(*earlier);
      log_warning("{}: the files of an earlier run are moved to {}", output_dir.string(),
                  earlier->string());
    }
    rename_path(output_dir / name, *earlier / name);
  }
}

/// Removes the unfinished files of a writer that was killed.
void remove_unfinished(const fs::path& output_dir) {
  const auto sweep = [](const fs::path& folder, const std::vector<std::string>& beginnings) {
    std::error_code error;
    std::vector<fs::path> left;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
      const std::string name = entry.path().filename().string();
      const bool is_ours =
          std::any_of(beginnings.begin(), beginnings.end(),
                      [&](const std::string& start) { return name.starts_with(start); });
      if (is_ours && name.ends_with(".partial")) left.push_back(entry.path());
    }
    for (const fs::path& path : left) fs::remove_all(path, error);
  };
  sweep(output_dir, {"config.yaml.", "log.jsonl.", "skipped.jsonl.", "model.", ".model."});
  sweep(output_dir / "checkpoints", {"step-"});
}

/// The snapshot that `resume` asks for, if any.
std::optional<fs::path> find_snapshot(const std::string& resume, const fs::path& output_dir) {
  if (resume == "never") return std::nullopt;
  if (resume == "auto") return newest_snapshot(output_dir / "checkpoints");
  const fs::path named(resume);
  if (fs::exists(named / kSnapshotState)) return named;
  const std::optional<fs::path> newest = newest_snapshot(named / "checkpoints");
  if (!newest) {
    fail(ErrorCode::kNotFound,
         "--resume {}: expected the folder of a snapshot, or of a run with an undamaged snapshot",
         resume);
  }
  return newest;
}

void warn_if_changed(const RunState& state, int64_t seed, const std::string& config_yaml,
                     int64_t num_ranks) {
  if (state.num_ranks != num_ranks) {
    log_warning(
        "the snapshot of step {} was written by {} ranks, and {} resume it: a step has {:.3g} "
        "times as many samples as before",
        state.step, state.num_ranks, num_ranks,
        static_cast<double>(num_ranks) / static_cast<double>(state.num_ranks));
  }
  if (state.seed == seed && state.config_checksum == checksum(config_yaml)) return;
  log_warning(
      "the configuration differs from that of the snapshot of step {}: the run resumes, but it is "
      "not the run that either configuration gives alone",
      state.step);
}

/// Converts the position in the data to another number of ranks. The order of an epoch's samples
/// stays the same.
void move_to_ranks(RunState& state, int64_t num_ranks, int64_t batches_per_epoch) {
  if (state.num_stretches == 0) state.num_stretches = state.num_ranks;
  if (state.num_ranks == num_ranks) return;
  const int64_t per_epoch = state.batches_per_epoch;
  if (per_epoch == 0) {  // an older version did not record it: about the same position
    state.batches_consumed = state.batches_consumed * state.num_ranks / num_ranks;
    return;
  }
  const int64_t epoch = state.batches_consumed / per_epoch;
  const int64_t within = state.batches_consumed % per_epoch;
  state.batches_consumed =
      epoch * batches_per_epoch +
      std::min(within * state.num_ranks / num_ranks, std::max<int64_t>(batches_per_epoch - 1, 0));
}

}  // namespace

ResumePoint resume_run(const RunConfig& run, const ResumeOptions& options,
                       const SnapshotTensors& tensors, Communicator& communicator) {
  const bool is_writer = communicator.rank() == 0;
  const fs::path output_dir = run.output_dir;
  ResumePoint point;
  if (const std::optional<fs::path> snapshot = find_snapshot(options.resume, output_dir)) {
    point.state = load_snapshot(*snapshot, tensors);
    point.snapshot = *snapshot;
    if (is_writer) {
      warn_if_changed(point.state, run.seed, options.config_yaml, communicator.world_size());
    }
    move_to_ranks(point.state, communicator.world_size(), options.batches_per_epoch);
  }
  check_same_on_all_ranks(tensors.model, point.state.step, Compared::kAll, communicator,
                          point.state.step);
  point.finished = point.state.step >= options.num_steps && fs::exists(output_dir / "model");
  if (point.finished) {
    log_info("{}: finished after {} steps; nothing to do", output_dir.string(), point.state.step);
    return point;
  }
  point.state.seed = run.seed;
  point.state.config_yaml = options.config_yaml;
  point.state.num_ranks = communicator.world_size();
  point.state.batches_per_epoch = options.batches_per_epoch;
  if (point.state.num_stretches == 0) point.state.num_stretches = communicator.world_size();
  if (!is_writer) return point;

  make_directories(output_dir);
  remove_unfinished(output_dir);
  if (options.resume == "never") set_aside(output_dir);
  abandon_snapshots_after(output_dir / "checkpoints", point.state.step);
  write_file_atomic(output_dir / "config.yaml", options.config_yaml);
  if (point.state.step > 0) {
    log_info("resuming after step {} of {}", point.state.step, options.num_steps);
  }
  return point;
}

}  // namespace blip2
