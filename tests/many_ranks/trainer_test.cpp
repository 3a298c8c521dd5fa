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
    toy.seek(position);
    toy.seek({.batches = (position.epoch * testing::kBatchesPerEpoch + position.batches) *
                             ranks().world_size() +
                         ranks().rank()});
  }
  StepOutput run_batch(const StepContext& context) override {
    StepOutput output = toy.run_batch(context);
    toy.seek({.batches = toy.batches.back() + ranks().world_size()});
    return output;
  }
  void save_model(const fs::path& directory) override { toy.save_model(directory); }

  ToyStage toy;
};

/// Of an epoch as long on each rank as options_of()'s.
TrainerOptions options_on_ranks() {
  TrainerOptions options = options_of();
  options.shape.num_ranks = ranks().world_size();
  options.shape.places *= options.shape.num_ranks;
  return options;
}

TEST(TrainerOnRanks, AllRanksEndWithTheSameModelAndRank0WritesIt) {
  const SharedFolder folder;
  RanksOwnStage stage(1);
  const TrainingSummary summary = train(stage, run_in(folder / "run"), ranks(), options_on_ranks());
  EXPECT_EQ(summary.samples, 80 * ranks().world_size());
  check_same_on_all_ranks(stage.trained_tensors(), 10, Compared::kAll, ranks());
  EXPECT_EQ(stage.toy.times_saved, ranks().rank() == 0 ? 1 : 0);
  EXPECT_EQ(log_of(folder / "run").size(), 10u);
  EXPECT_TRUE(fs::exists(folder / "run/model/model.txt"));
  const RunState state = verify_snapshot(folder / "run/checkpoints/step-000000010");
  EXPECT_EQ(state.data.shape, options_on_ranks().shape);
  EXPECT_EQ(state.data.position.epoch, 2);  // 20 batches of 7 an epoch
  EXPECT_EQ(state.data.position.batches, 6);
}

TEST(TrainerOnRanks, ResumedIsStraight) {
  const SharedFolder folder;
  RanksOwnStage straight, before, after(7);
  train(straight, run_in(folder / "straight"), ranks(), options_on_ranks());
  TrainerOptions options = options_on_ranks();
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
  EXPECT_EQ(train(after, run_in(folder / "resumed"), ranks(), options_on_ranks()).first_step, 6);
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
  train(together, run_in(folder / "together"), ranks(), options_on_ranks());
  ToyStage alone;
  SingleProcess single;
  if (ranks().rank() == 0) {
    train(alone, run_in(folder / "alone"), single, options_of());
    EXPECT_NE(alone.bytes(), together.toy.bytes());
  }
}

TEST(TrainerOnRanks, AnotherNumberOfRanksResumesAtTheSameSample) {
  const SharedFolder folder;
  const int64_t w = ranks().world_size();
  // One process makes 9 steps of 2 batches of 4 samples: 72 of an epoch of 28 w samples.
  const auto run_with = [&](int64_t steps) {
    RunConfig run = run_in(folder / "run");
    run.max_steps = steps;
    return run;
  };
  const auto alone_until = [&](int64_t step, int64_t first_step) {
    if (ranks().rank() == 0) {
      ToyStage stage(7);
      SingleProcess single;
      TrainerOptions options = options_on_ranks();
      options.shape.num_ranks = 1;
      options.stop_after = step;
      EXPECT_EQ(train(stage, run_with(40), single, options).first_step, first_step);
    }
    ranks().wait_for_all();
  };
  alone_until(9, 1);
  RanksOwnStage together(7);
  TrainerOptions options = options_on_ranks();
  options.stop_after = 11;
  EXPECT_EQ(train(together, run_with(40), ranks(), options).first_step, 10);
  const int64_t places = 28 * w, taken = 72 % places;
  EXPECT_EQ(together.toy.positions.at(0).epoch, 72 / places);
  EXPECT_EQ(together.toy.positions.at(0).ranges, (std::vector<PlaceRange>{{taken, places}}));
  EXPECT_EQ(together.toy.positions.at(0).batches, 0);
  ranks().wait_for_all();
  // And back: 2 steps of w ranks are 16 w samples.
  const RunState state = verify_snapshot(folder / "run/checkpoints/step-000000011");
  const DataPosition back = divided_anew(state.data.shape, state.data.position, places);
  const int64_t all = 72 + 16 * w;
  const bool fits = taken + 16 * w <= places;
  if (fits) {
    EXPECT_EQ(back.epoch, all / places);
    EXPECT_EQ(count_places(back.ranges), places - all % places);
  }
  alone_until(13, 12);
}

TEST(TrainerOnRanks, ARankThatDivergesIsNamed) {
  const SharedFolder folder;
  const int64_t bad = ranks().world_size() - 1;
  for (const int64_t tensor : {0, 1, 2}) {
    RanksOwnStage stage;
    RunConfig run = run_in(folder / std::to_string(tensor));
    run.max_steps = 40;
    run.checkpoint_every = 100;
    TrainerOptions options = options_on_ranks();
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
    train(stage, run_in(folder / "run"), ranks(), options_on_ranks());
    ADD_FAILURE() << "expected a line";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("rank 1 has diverged: after step 0"));
  }
}

TEST(TrainerOnRanks, ABadBatchOfOneRankIsAppliedOnNoRank) {
  const SharedFolder folder;
  RanksOwnStage stage;
  stage.toy.bad_batches = {4 * ranks().world_size() + 1};  // rank 1's, the first of step 3
  train(stage, run_in(folder / "run"), ranks(), options_on_ranks());
  check_same_on_all_ranks(stage.trained_tensors(), 10, Compared::kAll, ranks());
  const std::vector<LogRow> rows = read_log(folder / "run/log.jsonl");
  ASSERT_EQ(rows.size(), 10u);
  for (const LogRow& row : rows) EXPECT_EQ(row.applied, row.step != 3);
}

}  // namespace
}  // namespace blip2
