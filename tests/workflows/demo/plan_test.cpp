// The demo's plan fits in the time and is kept on disk; phase times and scores are written.
#include "blip2/workflows/demo/plan.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/train/config/loader.h"
#include "blip2/workflows/demo/scores.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tests_directory.h"

namespace blip2 {
namespace {
using Json = nlohmann::json;
using ::testing::HasSubstr;

constexpr StepTimes kTimes{.stage1 = 3.0, .stage2 = 1.25};

TEST(DemoPlan, FitsInTheTime) {
  const DemoPlan whole;
  for (const double seconds : {60.0, 300.0, 1000.0}) {
    const DemoPlan plan = fit_plan(kTimes, seconds, false);
    EXPECT_NEAR(training_seconds(plan, kTimes), seconds, 3 * (kTimes.stage1 + kTimes.stage2));
    EXPECT_NEAR(static_cast<double>(plan.stage1_steps) / static_cast<double>(plan.stage2_steps),
                static_cast<double>(whole.stage1_steps) / static_cast<double>(whole.stage2_steps),
                0.1);
    EXPECT_LE(plan.ablation_steps, plan.stage2_steps);
  }
}

TEST(DemoPlan, GrowsOnlyWhereMinutesAreAskedFor) {
  const DemoPlan whole;
  EXPECT_EQ(fit_plan(kTimes, 1e5, false).stage1_steps, whole.stage1_steps);
  EXPECT_EQ(fit_plan(kTimes, 1e5, false).stage2_steps, whole.stage2_steps);
  const DemoPlan longer = fit_plan(kTimes, 2 * training_seconds(whole, kTimes), true);
  EXPECT_EQ(longer.stage1_steps, 2 * whole.stage1_steps);
  EXPECT_EQ(longer.stage2_steps, 2 * whole.stage2_steps);
}

TEST(DemoPlan, HasStepsEvenWithoutTime) {
  for (const double seconds : {0.0, -400.0}) {
    const DemoPlan plan = fit_plan(kTimes, seconds, true);
    EXPECT_EQ(plan.stage1_steps, 2);
    EXPECT_EQ(plan.stage2_steps, 2);
    EXPECT_EQ(plan.ablation_steps, 2);
  }
}

TEST(DemoPlan, NegativesTurnHardWithinStage1) {
  EXPECT_LT(DemoPlan{}.hard_negatives_from(), DemoPlan{}.stage1_steps);
  EXPECT_GT(DemoPlan{}.hard_negatives_from(), DemoPlan{}.stage1_steps / 2);
}

TEST(DemoPlan, ASavedPlanIsLoaded) {
  const testing::TemporaryFolder folder;
  EXPECT_FALSE(load_plan(folder / "plan.json"));
  DemoPlan plan = fit_plan(kTimes, 500, false);
  plan.seed = 7;
  plan.minutes = 12.5;
  save_plan(plan, folder / "plan.json");
  const std::optional<DemoPlan> kept = load_plan(folder / "plan.json");
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->stage1_steps, plan.stage1_steps);
  EXPECT_EQ(kept->stage2_steps, plan.stage2_steps);
  EXPECT_EQ(kept->ablation_steps, plan.ablation_steps);
  EXPECT_EQ(kept->seed, 7u);
  EXPECT_EQ(kept->minutes, 12.5);
  save_plan({}, folder / "plan.json");
  EXPECT_EQ(load_plan(folder / "plan.json")->minutes, std::nullopt);
}

TEST(DemoPlan, ADamagedPlanIsRefused) {
  const testing::TemporaryFolder folder;
  save_plan({}, folder / "plan.json");
  const std::string whole = read_file(folder / "plan.json");
  const std::vector<std::string> contents = {"", "[]", whole.substr(0, whole.size() / 2),
                                             R"({"stage1_steps": "many"})"};
  for (const std::string& content : contents) {
    SCOPED_TRACE(content);
    write_file_atomic(folder / "plan.json", content);
    try {
      load_plan(folder / "plan.json");
      FAIL() << "read";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCorruptData);
      EXPECT_THAT(error.what(), HasSubstr("plan.json"));
    }
  }
}

/// A configuration as `config show` prints it.
std::string yaml_of(const TrainConfig& config) {
  return LoadedTrainConfig(config, "demo").to_yaml(false);
}

TEST(DemoPlan, ConfigsHoldTheDemosRuns) {
  const std::filesystem::path configs = testing::tests_directory() / ".." / "configs";
  const DemoPlan plan;
  EXPECT_EQ(LoadedTrainConfig(configs / "demo_stage1.yaml", {}).to_yaml(false),
            yaml_of(demo_stage1(plan, "demo-run", "assets")));
  EXPECT_EQ(LoadedTrainConfig(configs / "demo_stage2.yaml", {}).to_yaml(false),
            yaml_of(demo_stage2(plan, "demo-run", "assets")));
}

TEST(PhaseTimes, AddUpOverInterruptions) {
  const testing::TemporaryFolder folder;
  PhaseTimes(folder / "times.json").add("stage1", 2.5);
  PhaseTimes again(folder / "times.json");
  again.add("stage1", 1.5);
  again.add("stage2", 1);
  EXPECT_EQ(PhaseTimes(folder / "times.json").seconds(),
            (std::map<std::string, double>{{"stage1", 4.0}, {"stage2", 1.0}}));
}

TEST(PhaseTimes, ADamagedFileIsRefused) {
  const testing::TemporaryFolder folder;
  write_file_atomic(folder / "times.json", "{\"stage1\": 2");
  EXPECT_THROW(PhaseTimes(folder / "times.json"), Error);
}

TEST(DemoScores, ArePercentsExceptTheCountOfCaptions) {
  DemoScores scores;
  CaptionEvaluation& captions = scores.unseen_drawings.captions;
  captions.cider = 0.5;
  captions.bleu[3] = 0.25;
  captions.rouge_l = 0.125;
  captions.noun_accuracy = 30;
  captions.distinct = 11;
  scores.unseen_drawings.retrieval.num_images = 12;
  scores.unseen_drawings.retrieval.itc.txt_r5 = 60;
  scores.unseen_drawings.retrieval.reranked.img_r10 = 70;
  scores.lm_loss_without_stage1 = 4;
  scores.stage1_samples = 640;
  scores.seconds["stage2"] = 9;
  const Json json = Json::parse(scores_json(scores));
  const Json& found = json.at("unseen_drawings");
  EXPECT_EQ(found.at("n"), 12);
  EXPECT_EQ(found.at("itc").at("image_to_text").at("r5"), 60.0);
  EXPECT_EQ(found.at("reranked").at("text_to_image").at("r10"), 70.0);
  EXPECT_EQ(found.at("captions"), Json({{"cider", 50.0},
                                        {"bleu4", 25.0},
                                        {"rouge_l", 12.5},
                                        {"distinct", 11},
                                        {"noun_accuracy", 30.0}}));
  EXPECT_EQ(json.at("ablation").at("lm_loss_without_stage1"), 4.0);
  EXPECT_EQ(json.at("samples").at("stage1"), 640);
  EXPECT_EQ(json.at("seconds").at("stage2"), 9.0);
  EXPECT_EQ(json.at("seconds").at("fetch"), 0.0);
}

}  // namespace
}  // namespace blip2
