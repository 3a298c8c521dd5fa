// The loop, from top to bottom: train() is a whole run, step() one optimiser step of it, and the
// rest is what they call.
#include "blip2/train/trainer.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "blip2/base/clock.h"
#include "blip2/base/error.h"
#include "blip2/base/log.h"
#include "blip2/ranks/divergence.h"
#include "blip2/ranks/gradient_reducer.h"
#include "blip2/train/accumulation.h"
#include "blip2/train/health.h"
#include "blip2/train/layer_decay.h"
#include "blip2/train/optimizer.h"
#include "blip2/train/records/resume.h"
#include "blip2/train/records/run_records.h"
#include "blip2/train/weight_average.h"

namespace blip2 {
namespace {

class Trainer {
 public:
  Trainer(Stage& stage, const RunConfig& run, Communicator& communicator,
          const TrainerOptions& options);

  TrainingSummary train();

 private:
  void start(const ResumePoint& point);
  LogRow step();
  bool apply(double loss, double grad_norm, double rate);
  void stop_after_bad_steps();
  void save_model();
  SnapshotTensors tensors();

  bool is_first_rank() const { return communicator_.rank() == 0; }

  Stage& stage_;
  const RunConfig& run_;
  Communicator& communicator_;
  const TrainerOptions& options_;
  int64_t num_steps_ = 0;
  int64_t last_step_ = 0;  // of this call
  std::optional<BatchPlan> plan_;
  int64_t batches_ = 0;     // of the plan, taken by each rank
  int64_t num_epochs_ = 0;  // those that the run ends in
  const std::vector<NamedTensor> parameters_;
  AdamW optimizer_;
  WeightAverage average_;
  GradientReducer reducer_;
  RunHealth health_;
  RunState state_;
  std::optional<RunRecords> records_;
  double started_s_ = 0;  // the start of an uninterrupted run that is now at the same step
  bool stop_ = false;
};

Trainer::Trainer(Stage& stage, const RunConfig& run, Communicator& communicator,
                 const TrainerOptions& options)
    : stage_(stage),
      run_(run),
      communicator_(communicator),
      options_(options),
      parameters_(stage.trained_tensors()),
      optimizer_(parameters_, {.beta2 = run.beta2,
                               .weight_decay = run.weight_decay,
                               .rate_scales = layer_rate_scales(parameters_, run.lr_layer_decay)}),
      average_(parameters_, run.average_weights_from),
      reducer_(parameters_, communicator) {}

TrainingSummary Trainer::train() {
  const ResumeOptions resuming{options_.resume,
                               options_.changed_data,
                               options_.config_yaml,
                               options_.shape,
                               options_.lists,
                               [this](int64_t steps_done, int64_t batches_left) {
                                 return num_steps(run_, steps_done, batches_left);
                               }};
  const ResumePoint point = resume_run(run_, resuming, tensors(), communicator_);
  state_ = point.state;
  const int64_t first_step = state_.step + 1;
  if (point.finished) return {first_step, state_.step, state_.samples};

  start(point);
  while (state_.step < last_step_) {
    records_->check();
    const LogRow row = step();
    records_->log(row);
    stop_after_bad_steps();
    const bool is_last = state_.step == last_step_;
    // Before the snapshot: a run that is killed here repeats the step, and after_step() with it.
    if (options_.after_step) options_.after_step(row);
    const bool is_due = state_.step % run_.checkpoint_every == 0 || is_last || stop_;
    check_same_on_all_ranks(parameters_, state_.step, is_due ? Compared::kAll : Compared::kShare,
                            communicator_);
    if (is_due) records_->save(state_, tensors());
    if (is_last || stop_) records_->finish();
    if (stop_ && !is_last) {
      communicator_.wait_for_all();  // a launcher may end all ranks as soon as one leaves
      fail(ErrorCode::kInterrupted, "interrupted after step {} of {}; the same command resumes it",
           state_.step, num_steps_);
    }
  }
  if (is_first_rank() && state_.step == num_steps_) save_model();
  communicator_.wait_for_all();
  return {first_step, state_.step, state_.samples};
}

/// Takes up the run where `point` says.
void Trainer::start(const ResumePoint& point) {
  num_steps_ = point.num_steps;
  last_step_ = std::min(options_.stop_after.value_or(num_steps_), num_steps_);
  plan_.emplace(options_.shape, state_.data.position);
  batches_ = state_.data.position.batches;
  const int64_t last_batch =
      batches_ + std::max(num_steps_ - state_.step, int64_t{0}) * run_.accum_grad_iters - 1;
  num_epochs_ = run_.max_epoch.value_or(plan_->epoch_of(std::max(last_batch, int64_t{0})) + 1);
  records_.emplace(run_, point, num_steps_, communicator_);
  started_s_ = now_s() - state_.elapsed_s;
  if (options_.before_first_step) options_.before_first_step(last_step_);
  stage_.seek(state_.data.position);
}

LogRow Trainer::step() {
  const double step_started_s = now_s();
  const int64_t number = state_.step + 1;

  optimizer_.zero_grad();
  StepTotals totals = run_batches(stage_,
                                  {.step = number,
                                   .seed = static_cast<uint64_t>(run_.seed),
                                   .rank = communicator_.rank(),
                                   .batches_per_step = run_.accum_grad_iters},
                                  [this] { reducer_.start(); });
  totals.stop = options_.stop_requested();
  const bool is_own_loss_bad = !std::isfinite(totals.loss);
  reducer_.finish();
  average_over_ranks(totals, communicator_);
  const double grad_norm = gradient_norm(parameters_);
  batches_ += run_.accum_grad_iters;
  state_.batches_consumed += run_.accum_grad_iters;
  const int64_t epoch = plan_->epoch_of(batches_ - 1);
  const double rate = learning_rate(run_, {.step = number,
                                           .num_steps = num_steps_,
                                           .epoch = epoch,
                                           .iteration = state_.batches_consumed - 1,
                                           .num_epochs = num_epochs_});
  const bool applied = apply(totals.loss, grad_norm, rate);
  if (!applied && (is_first_rank() || is_own_loss_bad)) {
    log_error("step {}: loss {}, gradient norm {}: not applied; samples: {}", number, totals.loss,
              grad_norm, fmt::join(totals.keys, ", "));
  }

  average_.add(number);
  const double step_s = now_s() - step_started_s;
  stop_ = totals.stop;
  state_.step = number;
  state_.data.position = plan_->position(batches_);
  state_.samples += totals.samples;
  state_.elapsed_s = now_s() - started_s_;
  state_.bad_steps = applied ? 0 : state_.bad_steps + 1;
  LogRow row{.step = number,
             .epoch = epoch,
             .samples = state_.samples,
             .loss = totals.loss,
             .values = std::move(totals.values),
             .lr = rate,
             .grad_norm = grad_norm,
             .samples_per_second = static_cast<double>(totals.samples) / std::max(step_s, 1e-9),
             .elapsed_s = state_.elapsed_s,
             .applied = applied};
  if (!is_first_rank()) return row;
  for (const std::string& sign : health_.check(row, totals.data_s, step_s)) log_warning("{}", sign);
  return row;
}

/// Updates the parameters, unless the loss or the gradient is not finite.
bool Trainer::apply(double loss, double grad_norm, double rate) {
  if (!std::isfinite(loss) || !std::isfinite(grad_norm)) return false;
  if (run_.grad_clip > 0) clip_gradients(parameters_, grad_norm, run_.grad_clip);
  optimizer_.step(rate);
  return true;
}

void Trainer::stop_after_bad_steps() {
  if (state_.bad_steps < run_.max_bad_steps) return;
  fail(ErrorCode::kCorruptData,
       "step {}: expected a finite loss and gradient, found none in {} consecutive steps{}",
       state_.step, state_.bad_steps, records_->last_good_snapshot());
}

void Trainer::save_model() {
  average_.swap(state_.step);
  stage_.save_model(std::filesystem::path(run_.output_dir) / "model");
  average_.swap(state_.step);
}

/// The tensors of a snapshot.
SnapshotTensors Trainer::tensors() {
  SnapshotTensors tensors{parameters_, optimizer_.state()};
  for (const NamedTensor& mean : average_.state()) tensors.optimizer.push_back(mean);
  return tensors;
}

}  // namespace

TrainingSummary train(Stage& stage, const RunConfig& run, Communicator& communicator,
                      const TrainerOptions& options) {
  return Trainer(stage, run, communicator, options).train();
}

}  // namespace blip2
