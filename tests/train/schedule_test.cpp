// Goldens: tools/make_train_goldens.py; the paper's schedule by torch's LinearLR and
// CosineAnnealingLR.
#include "blip2/train/schedule.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/train/support.h"

namespace blip2 {
namespace {

using Json = nlohmann::json;

struct Golden {
  Json json = Json::parse(read_file(testing::golden("schedule.json")));
  RunConfig run;

  explicit Golden(const std::string& name) {
    run.init_lr = json["init_lr"];
    run.min_lr = json["min_lr"];
    run.warmup_lr = json["warmup_lr"];
    json = json.at(name);
    run.warmup_steps = json["warmup_steps"];
  }
  double rate(int64_t index) const { return json["rates"].at(static_cast<size_t>(index)); }
};

TEST(Schedule, PaperIsLinearThenOneCosine) {
  const Golden golden("paper");
  const int64_t steps = golden.json["num_steps"];
  for (int64_t step = 1; step <= steps; ++step) {
    EXPECT_NEAR(paper_learning_rate(golden.run, step, steps), golden.rate(step - 1), 1e-12) << step;
  }
  EXPECT_EQ(paper_learning_rate(golden.run, 1, steps), 1e-6);
  EXPECT_EQ(paper_learning_rate(golden.run, 8, steps), 1e-4);
  EXPECT_NEAR(paper_learning_rate(golden.run, steps + 1, steps), 1e-5, 1e-18);
}

TEST(Schedule, LavisIsConstantWithinAnEpoch) {
  for (const char* name : {"lavis", "lavis_cut"}) {
    const Golden golden(name);
    const int64_t iterations = golden.json["iterations"];
    const int64_t epochs = golden.json["epochs"];
    for (int64_t i = 0; i < epochs * iterations; ++i) {
      EXPECT_NEAR(lavis_learning_rate(golden.run, i / iterations, i % iterations, epochs),
                  golden.rate(i), 1e-12)
          << name << " " << i;
    }
  }
}

TEST(Schedule, RecipeChooses) {
  Golden golden("lavis");  // 4 epochs of 11 batches
  golden.run.recipe = "lavis";
  const auto rate = [&](int64_t batch) {
    return learning_rate(
        golden.run,
        {.step = 1, .num_steps = 9, .epoch = batch / 11, .iteration = batch, .num_epochs = 4});
  };
  for (const int64_t batch : {2, 10, 11, 12, 14, 43}) {
    EXPECT_NEAR(rate(batch), golden.rate(batch), 1e-12) << batch;
  }
  Golden paper("paper");
  EXPECT_NEAR(learning_rate(paper.run, {.step = 20, .num_steps = 40}), paper.rate(19), 1e-12);
}

TEST(Schedule, WarmupOfNoStepsStartsAtThePeak) {
  RunConfig run;
  run.warmup_steps = 0;
  EXPECT_EQ(paper_learning_rate(run, 1, 10), run.init_lr);
  run.warmup_steps = 20;  // longer than the run
  EXPECT_LT(paper_learning_rate(run, 10, 10), run.init_lr);
}

TEST(Schedule, CountsSteps) {
  RunConfig run;
  run.max_steps = 77;
  EXPECT_EQ(num_steps(run, 0, 30), 77);
  run.max_steps.reset();
  run.max_epoch = 3;
  EXPECT_EQ(num_steps(run, 0, 30), 30);
  run.accum_grad_iters = 4;
  EXPECT_EQ(num_steps(run, 0, 30), 7);
  EXPECT_EQ(num_steps(run, 3, 30 - 3 * 4), 7);  // resumed
  EXPECT_EQ(num_steps(run, 9, -2), 9);
  EXPECT_THROW(num_steps(run, 0, 0), Error);
  EXPECT_THROW(num_steps(run, 0, 3), Error);
}

}  // namespace
}  // namespace blip2
