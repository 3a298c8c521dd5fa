// Lists, settings and shapes of then and now.
#include "blip2/train/records/changes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "blip2/base/error.h"
#include "blip2/base/log.h"
#include "blip2/base/quote.h"
#include "blip2/train/records/settings.h"

namespace blip2 {
namespace {

constexpr std::array<std::string_view, 8> kScheduleKeys = {
    "run.init_lr",   "run.min_lr",    "run.warmup_lr", "run.warmup_steps",
    "run.max_steps", "run.max_epoch", "run.recipe",    "run.lr_layer_decay"};

Settings settings_of(const RunState& snapshot) {
  if (snapshot.config_yaml.empty()) return {};
  return read_settings(snapshot.config_yaml, "config.yaml of the snapshot");
}

/// Whether a key decides in which order an epoch's samples come.
bool is_of_order(const std::string& key) {
  return key == "run.seed" || key == "run.shuffle" || key.ends_with(".sample_ratio");
}

std::string quoted_or_none(const std::string& value) {
  return value.empty() ? "none" : quote(value);
}

/// What a change of `key` means, for a run whose next step is `step`.
std::string meaning(const std::string& key, int64_t step) {
  if (std::ranges::find(kScheduleKeys, key) != kScheduleKeys.end()) {
    return fmt::format("the learning rate follows the new schedule from step {} on", step);
  }
  if (is_of_order(key)) return "the samples come in another order";
  if (key.ends_with(".annotations") || key.ends_with(".images")) {
    return "a picture's augmentation is drawn by its path, and so anew";
  }
  return fmt::format("it holds from step {} on", step);
}

/// The keys that are reported as the samples of a step.
bool is_of_step_size(const std::string& key) {
  return key == "run.batch_size_train" || key == "run.accum_grad_iters";
}

std::vector<std::string> changed_lists(const RunState& snapshot, const ResumeOptions& options) {
  if (!snapshot.in_batches) return differences(snapshot.data.lists, options.lists);
  // Format 1 has no lists.
  if (snapshot.data.shape.places == options.shape.places) return {};
  return {fmt::format("an epoch has {} samples instead of {}", options.shape.places,
                      snapshot.data.shape.places)};
}

/// Whether an epoch's order is not the one that the snapshot's position is in.
bool has_other_order(const RunState& snapshot, const ResumeOptions& options) {
  if (!changed_lists(snapshot, options).empty()) return true;
  const Settings now = read_settings(options.config_yaml, "the configuration");
  return std::ranges::any_of(changed_settings(settings_of(snapshot), now),
                             [](const ChangedSetting& set) { return is_of_order(set.key); });
}

}  // namespace

void check_lists(const RunState& snapshot, const ResumeOptions& options) {
  const std::vector<std::string> found = changed_lists(snapshot, options);
  if (found.empty()) return;
  if (options.changed_data == ChangedData::kRefused) {
    fail(ErrorCode::kInvalidArgument,
         "the data are not those of the snapshot of step {}: {}; --resume-changed-data resumes "
         "with them, --resume never starts anew",
         snapshot.step, fmt::join(found, "; "));
  }
  log_warning("the data are not those of the snapshot of step {}: {}", snapshot.step,
              fmt::join(found, "; "));
}

void report_changed_settings(const RunState& snapshot, const RunConfig& run,
                             const ResumeOptions& options) {
  const int64_t ranks_before = snapshot.data.shape.num_ranks;
  const int64_t ranks = options.shape.num_ranks;
  if (ranks_before != ranks) {
    log_warning("the snapshot of step {} was written by {} ranks, and {} resume it", snapshot.step,
                ranks_before, ranks);
  }
  const Settings before = settings_of(snapshot);
  const int64_t samples_before = snapshot.data.shape.batch_size * ranks_before *
                                 integer_of(before, "run.accum_grad_iters", run.accum_grad_iters);
  const int64_t samples = options.shape.batch_size * ranks * run.accum_grad_iters;
  if (samples != samples_before) {
    log_warning(
        "a step has {} samples from step {} on, {} before (run.batch_size_train {}, "
        "run.accum_grad_iters {}, ranks {})",
        samples, snapshot.step + 1, samples_before, options.shape.batch_size, run.accum_grad_iters,
        ranks);
  }
  if (snapshot.config_checksum == checksum(options.config_yaml)) return;
  if (before.empty()) {
    log_warning("the configuration differs from that of the snapshot of step {}", snapshot.step);
    return;
  }
  const Settings now = read_settings(options.config_yaml, "the configuration");
  for (const ChangedSetting& set : changed_settings(before, now)) {
    // The same number of samples in other batches gives other numbers too.
    if (is_of_step_size(set.key) && samples != samples_before) continue;
    log_warning("{}: {}, and {} in the snapshot of step {}: {}", set.key, quoted_or_none(set.now),
                quoted_or_none(set.before), snapshot.step, meaning(set.key, snapshot.step + 1));
  }
}

DataPosition position_in(const EpochShape& shape, const DataState& snapshot) {
  if (shape == snapshot.shape) return snapshot.position;
  return divided_anew(snapshot.shape, snapshot.position, shape.places);
}

void report_position(const RunState& snapshot, const ResumeOptions& options) {
  const DataState& then = snapshot.data;
  const bool has_other = has_other_order(snapshot, options);
  if (options.shape == then.shape && !has_other) return;
  const DataPosition start = position_in(options.shape, then);
  const BatchPlan plan(options.shape, start);
  const int64_t left = count_places(plan.rest(start.batches));
  const int64_t batches = plan.batches_before(start.epoch + 1) - start.batches;
  const int64_t dropped = left - batches * options.shape.batch_size * options.shape.num_ranks;
  log_info("epoch {}: {} of {} samples are left, {} batch{} of {}", start.epoch, left,
           options.shape.places, batches, batches == 1 ? "" : "es",
           options.shape.batch_size * options.shape.num_ranks);
  if (dropped > 0) {
    log_warning("epoch {}: its last {} samples do not fill a batch and are not seen", start.epoch,
                dropped);
  }
  const int64_t seen = options.shape.places - left;
  if (has_other && seen > 0) {
    log_warning(
        "epoch {}: of the {} samples that it has seen, some may come again, and as many others may "
        "not be seen",
        start.epoch, seen);
  }
}

}  // namespace blip2
