// The loop on several processes: all ranks stay one model, a resumed run is the straight run, also
// with another number of ranks at its place in the data, and a rank that differs is named.
#include "blip2/train/trainer.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "blip2/ranks/divergence.h"
#include "blip2/train/records/snapshot.h"
#include "tests/many_ranks/ranks.h"
#include "tests/train/support.h"

namespace blip2 {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::log_of;
using testing::options_of;
using testing::ranks;
using testing::run_in;
using testing::SharedFolder;
using testing::ToyStage;

/// As the others, but its data are the rank's own.
class RanksOwnStage final : public Stage {
 public:
  explicit RanksOwnStage(uint64_t seed = 1) : toy(seed) {}
  std::vector<NamedTensor> trained_tensors() override { return toy.trained_tensors(); }
  void seek(const DataPosition& position) override {
    toy.seek({.batches = position.batches * ranks().world_size() + ranks().rank()});
  }
  StepOutput run_batch(const StepContext& context) override {
    StepOutput output = toy.run_batch(context);
    toy.seek({.batches = toy.batches.back() + ranks().world_size()});
    return output;
  }
  void save_model(const fs::path& directory) override { toy.save_model(directory); }

  ToyStage toy;
};

TEST(TrainerOnRanks, AllRanksEndWithTheSameModelAndRank0WritesIt) {
  const SharedFolder folder;
  RanksOwnStage stage(1);
  const TrainingSummary summary = train(stage, run_in(folder / "run"), ranks(), options_of());
  EXPECT_EQ(summary.samples, 80 * ranks().world_size());
  check_same_on_all_ranks(stage.trained_tensors(), 10, Compared::kAll, ranks());
  EXPECT_EQ(stage.toy.times_saved, ranks().rank() == 0 ? 1 : 0);
  EXPECT_EQ(log_of(folder / "run").size(), 10u);
  EXPECT_TRUE(fs::exists(folder / "run/model/model.txt"));
  const RunState state = verify_snapshot(folder / "run/checkpoints/step-000000010");
  EXPECT_EQ(state.num_ranks, ranks().world_size());
  EXPECT_EQ(state.batches_per_epoch, 7);
}

TEST(TrainerOnRanks, ResumedIsStraight) {
  const SharedFolder folder;
  RanksOwnStage straight, before, after(7);
  train(straight, run_in(folder / "straight"), ranks(), options_of());
  TrainerOptions options = options_of();
  // The last rank alone asks to stop: all do, after the same step.
  int64_t asked = 0;
  options.stop_requested = [&] {
    return ++asked == 5 && ranks().rank() == ranks().world_size() - 1;
  };
  try {
    train(before, run_in(folder / "resumed"), ranks(), options);
    ADD_FAILURE() << "expected an interruption";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInterrupted) << error.what();
    EXPECT_THAT(error.what(), HasSubstr("after step 5"));
  }
  EXPECT_TRUE(fs::exists(folder / "resumed/checkpoints/step-000000005"));
  EXPECT_EQ(train(after, run_in(folder / "resumed"), ranks(), options_of()).first_step, 6);
  EXPECT_EQ(after.toy.bytes(), straight.toy.bytes());
  ranks().wait_for_all();
  EXPECT_EQ(log_of(folder / "resumed"), log_of(folder / "straight"));
  EXPECT_EQ(read_file(folder / "resumed/checkpoints/step-000000010/optimizer.safetensors"),
            read_file(folder / "straight/checkpoints/step-000000010/optimizer.safetensors"));
}

TEST(TrainerOnRanks, TheNumberOfRanksIsPartOfTheRun) {
  // W ranks are no W copies of one: their gradients differ, and so does the run.
  const SharedFolder folder;
  RanksOwnStage together;
  train(together, run_in(folder / "together"), ranks(), options_of());
  ToyStage alone;
  SingleProcess single;
  if (ranks().rank() == 0) {
    train(alone, run_in(folder / "alone"), single, options_of());
    EXPECT_NE(alone.bytes(), together.toy.bytes());
  }
}

TEST(TrainerOnRanks, AnotherNumberOfRanksResumesAtTheSamePositionInTheData) {
  const SharedFolder folder;
  const int64_t w = ranks().world_size();
  // One process makes 4 steps of 2 batches: batch 8, which is batch 1 of the second epoch of 7.
  if (ranks().rank() == 0) {
    ToyStage first;
    SingleProcess single;
    TrainerOptions options = options_of();
    options.batches_per_epoch = 7 * w;
    options.stop_after = 4 * w;
    RunConfig run = run_in(folder / "run");
    run.max_steps = 10 * w;
    train(first, run, single, options);
  }
  ranks().wait_for_all();
  RanksOwnStage after(7);
  RunConfig run = run_in(folder / "run");
  run.max_steps = 10 * w;
  const TrainingSummary summary = train(after, run, ranks(), options_of());
  EXPECT_EQ(summary.first_step, 4 * w + 1);
  EXPECT_EQ(after.toy.batches.front(), 8 * w + ranks().rank());  // as a run of w ranks had it
}

TEST(TrainerOnRanks, ARankThatDivergesIsNamed) {
  const SharedFolder folder;
  const int64_t bad = ranks().world_size() - 1;
  for (const int64_t tensor : {0, 1, 2}) {
    RanksOwnStage stage;
    RunConfig run = run_in(folder / std::to_string(tensor));
    run.max_steps = 40;
    run.checkpoint_every = 100;
    TrainerOptions options = options_of();
    int64_t last_step = 0;
    options.after_step = [&](const LogRow& row) {
      last_step = row.step;
      if (row.step != 3 || ranks().rank() != bad) return;
      const at::NoGradGuard no_grad;
      at::Tensor& weight = *stage.trained_tensors()[static_cast<size_t>(tensor)].tensor;
      weight.view(-1)[0] += 1e-6;
    };
    try {
      train(stage, run, ranks(), options);
      ADD_FAILURE() << "expected a line";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCorruptData);
      EXPECT_THAT(error.what(), HasSubstr(fmt::format("rank {} has diverged", bad)));
    }
    EXPECT_LE(last_step, 3 + kNumShares);
    ranks().wait_for_all();
    EXPECT_FALSE(fs::exists(folder / std::to_string(tensor) / "checkpoints"));
  }
}

TEST(TrainerOnRanks, RanksThatStartFromOtherWeightsAreNamed) {
  const SharedFolder folder;
  RanksOwnStage stage(ranks().rank() == 1 ? 5 : 1);
  try {
    train(stage, run_in(folder / "run"), ranks(), options_of());
    ADD_FAILURE() << "expected a line";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("rank 1 has diverged: after step 0"));
  }
}

TEST(TrainerOnRanks, ABadBatchOfOneRankIsAppliedOnNoRank) {
  const SharedFolder folder;
  RanksOwnStage stage;
  stage.toy.bad_batches = {4 * ranks().world_size() + 1};  // rank 1's, the first of step 3
  train(stage, run_in(folder / "run"), ranks(), options_of());
  check_same_on_all_ranks(stage.trained_tensors(), 10, Compared::kAll, ranks());
  const std::vector<LogRow> rows = read_log(folder / "run/log.jsonl");
  ASSERT_EQ(rows.size(), 10u);
  for (const LogRow& row : rows) EXPECT_EQ(row.applied, row.step != 3);
}

}  // namespace
}  // namespace blip2
