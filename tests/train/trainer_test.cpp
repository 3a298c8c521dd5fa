// The laws of the loop, with a small stage: resumed = straight, a seed fixes the run, bad steps
// change nothing.
#include "blip2/train/trainer.h"

#include <ATen/Context.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <optional>

#include "blip2/base/list_files.h"
#include "blip2/ranks/gradient_reducer.h"
#include "blip2/train/accumulation.h"
#include "blip2/train/records/snapshot.h"
#include "tests/train/support.h"

namespace blip2 {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::log_of;
using testing::options_of;
using testing::run_in;
using testing::TemporaryFolder;
using testing::ToyStage;

TrainingSummary train_alone(ToyStage& stage, const RunConfig& run,
                            const TrainerOptions& options = options_of()) {
  SingleProcess communicator;
  at::manual_seed(99);  // of no consequence
  return train(stage, run, communicator, options);
}

/// Trains until `step` is done and is interrupted there.
void train_until(ToyStage& stage, const RunConfig& run, int64_t step) {
  TrainerOptions options = options_of();
  int64_t asked = 0;
  options.stop_requested = [&] { return ++asked == step; };
  try {
    train_alone(stage, run, options);
    ADD_FAILURE() << "expected an interruption";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInterrupted) << error.what();
  }
}

TEST(Trainer, WritesTheDocumentedFiles) {
  const TemporaryFolder folder;
  ToyStage stage;
  std::vector<int64_t> reported;
  TrainerOptions options = options_of();
  options.after_step = [&](const LogRow& row) { reported.push_back(row.step); };
  const TrainingSummary summary = train_alone(stage, run_in(folder / "run"), options);
  EXPECT_EQ(summary.first_step, 1);
  EXPECT_EQ(summary.last_step, 10);
  EXPECT_EQ(summary.samples, 80);
  EXPECT_EQ(reported.size(), 10u);
  EXPECT_EQ(read_file(folder / "run" / "config.yaml"), "run: {}\n");
  EXPECT_TRUE(fs::exists(folder / "run" / "tensorboard"));
  EXPECT_TRUE(fs::exists(folder / "run" / "model" / "model.txt"));
  for (const char* name : {"step-000000004", "step-000000008", "step-000000010"}) {
    EXPECT_TRUE(fs::exists(folder / "run" / "checkpoints" / name)) << name;
  }
  const std::vector<LogRow> rows = read_log(folder / "run" / "log.jsonl");
  ASSERT_EQ(rows.size(), 10u);
  EXPECT_EQ(rows[0].step, 1);
  EXPECT_EQ(rows[0].samples, 8);
  EXPECT_EQ(rows[0].lr, 0.001);
  EXPECT_EQ(rows[3].lr, 0.05);
  EXPECT_EQ(rows[2].epoch, 0);  // ends with batch 5
  EXPECT_EQ(rows[3].epoch, 1);  // ends with batch 7, the second epoch's first
  EXPECT_EQ(rows[9].samples, 80);
  ASSERT_EQ(rows[0].values.size(), 2u);
  EXPECT_EQ(rows[0].values[0].first, "loss_itc");
  EXPECT_NEAR(rows[0].values[0].second, rows[0].loss / 2, 1e-12);
  // Each step has other samples: three of them are compared with three.
  const auto mean_loss = [&](size_t first) {
    return (rows[first].loss + rows[first + 1].loss + rows[first + 2].loss) / 3;
  };
  EXPECT_LT(mean_loss(7), mean_loss(0));
}

TEST(Trainer, LogsTheFirstTheLastAndEveryNth) {
  const TemporaryFolder folder;
  RunConfig run = run_in(folder.path());
  run.log_every = 4;
  ToyStage stage;
  train_alone(stage, run);
  std::vector<int64_t> steps;
  for (const LogRow& row : read_log(folder / "log.jsonl")) steps.push_back(row.step);
  EXPECT_THAT(steps, ElementsAre(1, 4, 8, 10));
}

TEST(Trainer, TheFirstRowIsTheMeanOfItsBatches) {
  const TemporaryFolder folder;
  RunConfig run = run_in(folder / "both");
  run.max_steps = 1;
  run.grad_clip = 0;
  ToyStage stage;
  train_alone(stage, run);
  const LogRow both = read_log(folder / "both" / "log.jsonl").at(0);

  // The same two batches by hand; dropout's masks are the batch's own.
  ToyStage again;
  again.seek({});
  const StepTotals totals = run_batches(again, {.step = 1, .seed = 42, .batches_per_step = 2});
  EXPECT_EQ(both.loss, totals.loss);
  at::Tensor mean_gradient = at::zeros({3, 5});
  for (int64_t micro_step = 0; micro_step < 2; ++micro_step) {
    ToyStage single;
    single.seek({.batches = micro_step});
    StepContext context{.step = 1, .micro_step = micro_step, .seed = 42};
    seed_torch(context);
    single.run_batch(context).loss.backward();
    mean_gradient += single.weight.grad() / 2;
  }
  EXPECT_LT((mean_gradient - again.weight.grad()).abs().max().item<double>(), 1e-6);
}

TEST(Trainer, OneSeedGivesOneRun) {
  const TemporaryFolder folder;
  ToyStage first, second, other;
  train_alone(first, run_in(folder / "first"));
  train_alone(second, run_in(folder / "second"));
  RunConfig run = run_in(folder / "other");
  run.seed = 43;
  train_alone(other, run);
  EXPECT_EQ(first.bytes(), second.bytes());
  EXPECT_EQ(log_of(folder / "first"), log_of(folder / "second"));
  EXPECT_NE(first.bytes(), other.bytes());
  EXPECT_NE(log_of(folder / "first"), log_of(folder / "other"));
}

TEST(Trainer, ResumedIsStraightAfterAnInterrupt) {
  const TemporaryFolder folder;
  ToyStage straight;
  train_alone(straight, run_in(folder / "straight"));
  for (const int64_t step : {1, 5, 9}) {
    const fs::path output = folder / std::to_string(step);
    ToyStage before, after(7);  // the second stage starts from other weights
    train_until(before, run_in(output), step);
    EXPECT_FALSE(fs::exists(output / "model"));
    const TrainingSummary summary = train_alone(after, run_in(output));
    EXPECT_EQ(summary.first_step, step + 1);
    EXPECT_EQ(summary.samples, 80);
    EXPECT_EQ(after.batches.front(), 2 * step);
    EXPECT_EQ(after.bytes(), straight.bytes());
    EXPECT_EQ(log_of(output), log_of(folder / "straight"));
    EXPECT_EQ(read_file(output / "model" / "model.txt"),
              read_file(folder / "straight" / "model" / "model.txt"));
    EXPECT_EQ(read_file(output / "checkpoints/step-000000010/optimizer.safetensors"),
              read_file(folder / "straight/checkpoints/step-000000010/optimizer.safetensors"));
  }
}

TEST(Trainer, StopsAfterAStepOfTheWholeRunsSchedule) {
  const TemporaryFolder folder;
  ToyStage straight;
  train_alone(straight, run_in(folder / "straight"));
  const fs::path output = folder / "run";
  TrainerOptions options = options_of();
  options.stop_after = 5;
  ToyStage before;
  EXPECT_EQ(train_alone(before, run_in(output), options).last_step, 5);
  EXPECT_EQ(log_of(output).size(), 5u);
  EXPECT_FALSE(fs::exists(output / "model"));
  EXPECT_TRUE(fs::exists(output / "checkpoints" / "step-000000005"));
  EXPECT_EQ(train_alone(before, run_in(output), options).last_step, 5);  // nothing to do
  EXPECT_EQ(log_of(output).size(), 5u);

  ToyStage after(7);
  EXPECT_EQ(train_alone(after, run_in(output)).first_step, 6);
  EXPECT_EQ(after.bytes(), straight.bytes());
  EXPECT_EQ(log_of(output), log_of(folder / "straight"));
}

TEST(Trainer, AfterStepIsCalledBeforeTheSnapshot) {
  const TemporaryFolder folder;
  ToyStage stage;
  TrainerOptions options = options_of();
  options.after_step = [&](const LogRow& row) {
    EXPECT_FALSE(fs::exists(snapshot_folder(folder / "checkpoints", row.step)));
  };
  train_alone(stage, run_in(folder.path()), options);
  EXPECT_TRUE(fs::exists(snapshot_folder(folder / "checkpoints", 8)));
}

TEST(Trainer, ASnapshotThatCannotBeWrittenEndsTheRun) {
  const TemporaryFolder folder;
  write_file_atomic(folder / "checkpoints", "a file where the folder should be");
  ToyStage stage;
  TrainerOptions options = options_of();
  int64_t last_step = 0;
  options.after_step = [&](const LogRow& row) { last_step = row.step; };
  try {
    train_alone(stage, run_in(folder.path()), options);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnavailable);
    EXPECT_THAT(error.what(), HasSubstr("checkpoints"));
  }
  EXPECT_GE(last_step, 4);  // whose snapshot it was
  EXPECT_LE(last_step, 8);  // which has the next one
  EXPECT_FALSE(fs::exists(folder / "model"));
}

TEST(Trainer, SavesTheMeanOfTheLastWeights) {
  const TemporaryFolder folder;
  RunConfig run = run_in(folder / "mean");
  run.average_weights_from = 7;
  ToyStage stage;
  TrainerOptions options = options_of();
  std::vector<double> sums;  // of the weight after each step
  options.after_step = [&](const LogRow&) { sums.push_back(stage.weight.sum().item<double>()); };
  train_alone(stage, run, options);
  const double saved = std::stod(read_file(folder / "mean" / "model" / "model.txt"));
  EXPECT_NEAR(saved, (sums.at(6) + sums.at(7) + sums.at(8) + sums.at(9)) / 4, 1e-5);
  EXPECT_GT(std::abs(saved - sums.at(9)), 1e-4);

  // The steps do not see it.
  ToyStage plain;
  train_alone(plain, run_in(folder / "plain"));
  EXPECT_EQ(stage.bytes(), plain.bytes());
  EXPECT_EQ(log_of(folder / "mean"), log_of(folder / "plain"));

  for (const int64_t step : {3, 8}) {
    run.output_dir = (folder / std::to_string(step)).string();
    ToyStage before, after(7);
    train_until(before, run, step);
    train_alone(after, run);
    EXPECT_EQ(std::stod(read_file(fs::path(run.output_dir) / "model" / "model.txt")), saved);
    EXPECT_EQ(after.bytes(), plain.bytes());
  }
}

TEST(Trainer, ResumedIsStraightAfterAKill) {
  const TemporaryFolder folder;
  ToyStage straight;
  train_alone(straight, run_in(folder / "straight"));
  // The loop is thrown out of after step 7: nothing is saved since step 4, the log has rows 5 to 7.
  ToyStage killed;
  TrainerOptions options = options_of();
  options.after_step = [](const LogRow& row) {
    if (row.step == 7) throw std::runtime_error("killed");
  };
  EXPECT_THROW(train_alone(killed, run_in(folder / "killed"), options), std::runtime_error);
  EXPECT_EQ(log_of(folder / "killed").size(), 7u);
  ToyStage after(7);
  EXPECT_EQ(train_alone(after, run_in(folder / "killed")).first_step, 5);
  EXPECT_EQ(after.bytes(), straight.bytes());
  EXPECT_EQ(log_of(folder / "killed"), log_of(folder / "straight"));
}

TEST(Trainer, ResumeSkipsADamagedSnapshot) {
  const TemporaryFolder folder;
  ToyStage straight;
  train_alone(straight, run_in(folder / "straight"));
  ToyStage before, after(7);
  const fs::path output = folder / "run";
  train_until(before, run_in(output), 9);
  testing::damage(output / "checkpoints/step-000000009/model.safetensors", 300);
  testing::damage(output / "checkpoints/step-000000008/state.json", 30);
  EXPECT_EQ(train_alone(after, run_in(output)).first_step, 5);
  EXPECT_EQ(after.bytes(), straight.bytes());
  EXPECT_EQ(log_of(output), log_of(folder / "straight"));
  EXPECT_TRUE(fs::exists(output / "checkpoints/step-000000009.abandoned"));
}

TEST(Trainer, ResumesFromANamedFolder) {
  const TemporaryFolder folder;
  ToyStage straight;
  train_alone(straight, run_in(folder / "straight"));
  const fs::path snapshot = folder / "straight" / "checkpoints" / "step-000000004";
  ToyStage from_snapshot(7);
  EXPECT_EQ(train_alone(from_snapshot, run_in(folder / "a"), options_of(snapshot)).first_step, 5);
  EXPECT_EQ(from_snapshot.bytes(), straight.bytes());

  fs::remove_all(folder / "straight" / "checkpoints" / "step-000000010");
  ToyStage from_run(7);
  EXPECT_EQ(train_alone(from_run, run_in(folder / "b"), options_of(folder / "straight")).first_step,
            9);
  EXPECT_EQ(from_run.bytes(), straight.bytes());

  ToyStage stage;
  try {
    train_alone(stage, run_in(folder / "c"), options_of(folder / "nowhere"));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_THAT(error.what(), HasSubstr("--resume"));
  }
  testing::damage(snapshot / "model.safetensors", 300);
  EXPECT_THROW(train_alone(stage, run_in(folder / "c"), options_of(snapshot)), Error);
  EXPECT_FALSE(fs::exists(folder / "c"));
}

TEST(Trainer, NeverStartsAnewAndKeepsTheEarlierRun) {
  const TemporaryFolder folder;
  ToyStage first;
  train_alone(first, run_in(folder.path()));
  const std::vector<std::string> log = log_of(folder.path());
  ToyStage second;
  EXPECT_EQ(train_alone(second, run_in(folder.path()), options_of("never")).first_step, 1);
  EXPECT_EQ(log_of(folder.path()), log);
  EXPECT_TRUE(fs::exists(folder / "earlier-1" / "checkpoints" / "step-000000010"));
  EXPECT_EQ(log_of(folder / "earlier-1"), log);
}

TEST(Trainer, AFinishedRunIsNotChanged) {
  const TemporaryFolder folder;
  ToyStage first, second(7);
  train_alone(first, run_in(folder.path()));
  const auto written = fs::last_write_time(folder / "log.jsonl");
  const TrainingSummary summary = train_alone(second, run_in(folder.path()));
  EXPECT_EQ(summary.first_step, 11);
  EXPECT_EQ(summary.last_step, 10);
  EXPECT_TRUE(second.batches.empty());
  EXPECT_EQ(second.times_saved, 0);
  EXPECT_EQ(fs::last_write_time(folder / "log.jsonl"), written);
  EXPECT_EQ(list_files(folder / "tensorboard", {}).size(), 1u);

  // All steps done, but the model is missing: it is written, nothing is trained.
  fs::remove_all(folder / "model");
  ToyStage third(7);
  train_alone(third, run_in(folder.path()));
  EXPECT_TRUE(third.batches.empty());
  EXPECT_EQ(third.times_saved, 1);
  EXPECT_EQ(third.bytes(), first.bytes());

  RunConfig longer = run_in(folder.path());
  longer.max_steps = 12;
  ToyStage fourth(7);
  EXPECT_EQ(train_alone(fourth, longer).first_step, 11);
  EXPECT_EQ(fourth.times_saved, 1);
}

TEST(Trainer, ABadStepChangesNothingAndTheRunContinues) {
  const TemporaryFolder folder;
  RunConfig run = run_in(folder.path());
  run.checkpoint_every = 1;
  run.keep_checkpoints = 10;
  ToyStage stage;
  stage.bad_batches = {5};  // the second batch of step 3
  train_alone(stage, run);
  const std::vector<LogRow> rows = read_log(folder / "log.jsonl");
  ASSERT_EQ(rows.size(), 10u);
  EXPECT_TRUE(std::isnan(rows[2].loss));
  EXPECT_FALSE(rows[2].applied);
  EXPECT_TRUE(rows[3].applied);
  const auto file = [&](int step, const char* name) {
    return read_file(folder / fmt::format("checkpoints/step-{:09}/{}", step, name));
  };
  for (const char* name : {"model.safetensors", "optimizer.safetensors"}) {
    EXPECT_EQ(file(2, name), file(3, name)) << name;
    EXPECT_NE(file(3, name), file(4, name)) << name;
  }
  EXPECT_TRUE(std::isfinite(stage.weight.sum().item<double>()));
}

TEST(Trainer, ConsecutiveBadStepsStopTheRunAndNameTheLastSnapshot) {
  const TemporaryFolder folder;
  RunConfig run = run_in(folder.path());
  for (int attempt = 0; attempt < 2; ++attempt) {  // the second one resumes, and meets them again
    ToyStage stage;
    stage.bad_batches = {2, 10, 12, 14};  // step 2; steps 6, 7, 8
    try {
      train_alone(stage, run);
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCorruptData);
      EXPECT_EQ(std::string(error.what()),
                "step 8: expected a finite loss and gradient, found none in 3 consecutive steps; "
                "the last "
                "good snapshot: " +
                    (folder / "checkpoints/step-000000004").string());
    }
    EXPECT_EQ(newest_snapshot(folder / "checkpoints"), folder / "checkpoints/step-000000004");
  }
  // The count goes through a resume: interrupted after the first bad step, stopped after two more.
  ToyStage before, after;
  before.bad_batches = after.bad_batches = {10, 12, 14};
  train_until(before, run, 2);  // steps 5 and 6 of the run
  EXPECT_THROW(train_alone(after, run), Error);
  EXPECT_EQ(after.batches.size(), 4u);
}

TEST(Trainer, RefusesDataWithoutABatch) {
  const TemporaryFolder folder;
  ToyStage stage;
  TrainerOptions options = options_of();
  options.shape.places = 3;
  EXPECT_THROW(train_alone(stage, run_in(folder / "run"), options), Error);
  EXPECT_FALSE(fs::exists(folder / "run"));
}

/// Two ranks in one thread: the other rank's part is what a script says.
class ScriptedPair final : public Communicator {
 public:
  ScriptedPair() : Communicator(0, 2) {}
  std::future<void> start_sum(at::Tensor tensor) override {
    tensor.mul_(3);  // the other rank has twice ours
    std::promise<void> done;
    done.set_value();
    return done.get_future();
  }
  at::Tensor all_gather(const at::Tensor& tensor) override { return tensor; }
  at::Tensor exchange_rows(const at::Tensor& rows, const RowCounts&) override { return rows; }
  void abandon(const Error&) override {}
};

TEST(Accumulation, AveragesOverRanks) {
  at::Tensor parameter = at::zeros({2}).requires_grad_(true);
  parameter.mutable_grad() = at::zeros({2}).add_(10);
  StepTotals totals{.loss = 2, .values = {{"a", 4}}, .samples = 8, .keys = {}, .stop = true};
  ScriptedPair communicator;
  GradientReducer reducer({{"p", &parameter}}, communicator);
  average_over_ranks(totals, communicator);
  reducer.start();
  reducer.finish();  // the gradient is of an earlier batch of the step
  EXPECT_DOUBLE_EQ(totals.loss, 3);
  EXPECT_DOUBLE_EQ(totals.values[0].second, 6);
  EXPECT_EQ(totals.samples, 24);
  EXPECT_TRUE(totals.stop);
  EXPECT_EQ(parameter.grad()[0].item<double>(), 15);
}

}  // namespace
}  // namespace blip2
