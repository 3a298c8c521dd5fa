// The two schedules and the choice between them.
#include "blip2/train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "blip2/base/error.h"

namespace blip2 {
namespace {

/// From init_lr at 0 to min_lr at 1.
double cosine(const RunConfig& run, double progress) {
  return run.min_lr +
         0.5 * (run.init_lr - run.min_lr) * (1 + std::cos(std::numbers::pi * progress));
}

double warmup(const RunConfig& run, int64_t index) {
  const double length = static_cast<double>(std::max(run.warmup_steps, int64_t{1}));
  return run.warmup_lr + (run.init_lr - run.warmup_lr) * static_cast<double>(index) / length;
}

}  // namespace

int64_t num_steps(const RunConfig& run, int64_t steps_done, int64_t batches_left) {
  if (run.max_steps) return *run.max_steps;
  BLIP2_CHECK(run.max_epoch.has_value());
  const int64_t steps = steps_done + std::max(batches_left, int64_t{0}) / run.accum_grad_iters;
  if (steps < 1) {
    fail(ErrorCode::kInvalidArgument,
         "run.max_epoch: expected at least one step of {} batches, found {} epochs of {} batches",
         run.accum_grad_iters, *run.max_epoch, batches_left / *run.max_epoch);
  }
  return steps;
}

double paper_learning_rate(const RunConfig& run, int64_t step, int64_t num_steps) {
  const int64_t index = step - 1;
  if (index < run.warmup_steps) return warmup(run, index);
  const int64_t length = std::max(num_steps - run.warmup_steps, int64_t{1});
  const double progress =
      static_cast<double>(index - run.warmup_steps) / static_cast<double>(length);
  return cosine(run, std::min(progress, 1.0));
}

double lavis_learning_rate(const RunConfig& run, int64_t epoch, int64_t iteration,
                           int64_t num_epochs) {
  if (epoch == 0) return std::min(run.init_lr, warmup(run, iteration));
  return cosine(run, static_cast<double>(epoch) / static_cast<double>(num_epochs));
}

double learning_rate(const RunConfig& run, const StepInRun& at) {
  if (run.recipe == "paper") return paper_learning_rate(run, at.step, at.num_steps);
  return lavis_learning_rate(run, at.epoch, at.iteration, at.num_epochs);
}

}  // namespace blip2
