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
#include "blip2/train/records/changes.h"
#include "blip2/train/records/settings.h"

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

/// Turns the position of a snapshot of format 1 into samples.
void read_earlier_format(RunState& state, const EpochShape& shape, const fs::path& snapshot) {
  if (!state.in_batches) return;
  int64_t batch_size = shape.batch_size;
  if (!state.config_yaml.empty()) {
    const Settings settings = read_settings(state.config_yaml, (snapshot / "config.yaml").string());
    batch_size = std::max<int64_t>(integer_of(settings, "run.batch_size_train", batch_size), 1);
  }
  state.data = data_state_of(*state.in_batches, batch_size, shape);
}

/// The steps of the whole run, were it to continue from `state`.
int64_t steps_of(const RunConfig& run, const ResumeOptions& options, const RunState& state) {
  const DataPosition& position = state.data.position;
  const BatchPlan plan(state.data.shape, position);
  const int64_t left = plan.batches_before(run.max_epoch.value_or(0)) - position.batches;
  return options.num_steps(state.step, left);
}

/// Makes output_dir what the run needs.
void prepare_folder(const RunConfig& run, const ResumeOptions& options, const ResumePoint& point) {
  const fs::path output_dir = run.output_dir;
  make_directories(output_dir);
  remove_unfinished(output_dir);
  if (options.resume == "never") set_aside(output_dir);
  abandon_snapshots_after(output_dir / "checkpoints", point.state.step);
  write_file_atomic(output_dir / "config.yaml", options.config_yaml);
  if (point.state.step > 0) {
    log_info("resuming after step {} of {}", point.state.step, point.num_steps);
  }
}

}  // namespace

ResumePoint resume_run(const RunConfig& run, const ResumeOptions& options,
                       const SnapshotTensors& tensors, Communicator& communicator) {
  if (options.shape.batches_per_epoch() < 1) {
    fail(ErrorCode::kInvalidArgument,
         "the data: expected at least one whole batch of {} samples, found none",
         options.shape.batch_size);
  }
  const bool is_writer = communicator.rank() == 0;
  const fs::path output_dir = run.output_dir;
  ResumePoint point;
  point.state.data.shape = options.shape;
  if (const std::optional<fs::path> snapshot = find_snapshot(options.resume, output_dir)) {
    point.state = load_snapshot(*snapshot, tensors);
    point.snapshot = *snapshot;
    read_earlier_format(point.state, options.shape, *snapshot);
  }
  check_same_on_all_ranks(tensors.model, point.state.step, Compared::kAll, communicator,
                          point.state.step);
  const bool has_model = fs::exists(output_dir / "model");
  point.finished = has_model && point.state.step >= steps_of(run, options, point.state);
  if (point.finished) {
    log_info("{}: finished after {} steps; nothing to do", output_dir.string(), point.state.step);
    return point;
  }
  if (is_writer && !point.snapshot.empty()) {
    check_lists(point.state, options);
    report_changed_settings(point.state, run, options);
    report_position(point.state, options);
  }
  point.state.seed = run.seed;
  point.state.config_yaml = options.config_yaml;
  point.state.data = {options.shape, position_in(options.shape, point.state.data), options.lists};
  point.state.in_batches.reset();
  point.num_steps = steps_of(run, options, point.state);
  if (is_writer) prepare_folder(run, options, point);
  return point;
}

}  // namespace blip2
