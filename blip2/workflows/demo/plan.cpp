// Numbers of steps from seconds, and the configurations of the demo's runs.
#include "blip2/workflows/demo/plan.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/base/json_text.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

constexpr double kEvaluationSteps = 60;  // the evaluation takes as long as this many stage-1 steps

int64_t scaled(int64_t steps, double factor) {
  return std::max<int64_t>(2, std::llround(static_cast<double>(steps) * factor));
}

/// The first step of a stage's last third. The mean of the weights from there on is better on
/// held-out pictures than the last weights.
int64_t averaged_from(int64_t steps) { return std::max<int64_t>(1, steps * 2 / 3); }

DatasetConfig demo_dataset(const fs::path& output) {
  DatasetConfig dataset;
  dataset.format = "jsonl";
  dataset.annotations = {(output / "data" / "train.jsonl").string()};
  dataset.augment = "cutout";
  dataset.feature_cache = (output / "features" / "train").string();
  dataset.views = DemoPlan::kViews;
  return dataset;
}

TrainConfig common(const DemoPlan& plan, const fs::path& output, const fs::path& assets) {
  TrainConfig config;
  config.model.image_encoder = (assets / "models" / "efficientnet_lite0").string();
  config.model.qformer = (assets / "models" / "all_minilm_l6_v2").string();
  config.model.num_query_token = 8;
  config.model.max_txt_len = 24;
  config.datasets["demo"] = demo_dataset(output);
  RunConfig& run = config.run;
  run.recipe = "paper";
  run.init_lr = 3e-4;
  run.min_lr = 1.5e-5;
  run.warmup_lr = 1e-6;
  run.weight_decay = 0.05;
  run.beta2 = 0.98;
  run.grad_clip = 1.0;
  run.drop_rate = 0;
  run.seed = static_cast<int64_t>(plan.seed);
  run.log_every = 1;
  run.num_workers = 1;
  return config;
}

}  // namespace

double training_seconds(const DemoPlan& plan, const StepTimes& times) {
  return static_cast<double>(plan.stage1_steps) * times.stage1 +
         static_cast<double>(plan.stage2_steps + 2 * plan.ablation_steps) * times.stage2;
}

double evaluation_seconds(const StepTimes& times) { return kEvaluationSteps * times.stage1; }

DemoPlan fit_plan(const StepTimes& times, double seconds, bool stretch) {
  DemoPlan plan;
  double factor = std::max(seconds, 0.0) / std::max(training_seconds(plan, times), 1e-9);
  if (!stretch) factor = std::min(factor, 1.0);
  plan.stage1_steps = scaled(plan.stage1_steps, factor);
  plan.stage2_steps = scaled(plan.stage2_steps, factor);
  plan.ablation_steps = std::min(scaled(plan.ablation_steps, factor), plan.stage2_steps);
  return plan;
}

void save_plan(const DemoPlan& plan, const fs::path& path) {
  const nlohmann::json json = {
      {"stage1_steps", plan.stage1_steps},
      {"stage2_steps", plan.stage2_steps},
      {"ablation_steps", plan.ablation_steps},
      {"seed", plan.seed},
      {"minutes", plan.minutes ? nlohmann::json(*plan.minutes) : nlohmann::json()}};
  write_file_atomic(path, json_document(json));
}

std::optional<DemoPlan> load_plan(const fs::path& path) {
  if (!fs::exists(path)) return std::nullopt;
  const nlohmann::json json = nlohmann::json::parse(read_file(path), nullptr, false);
  try {
    DemoPlan plan;
    plan.stage1_steps = json.at("stage1_steps").get<int64_t>();
    plan.stage2_steps = json.at("stage2_steps").get<int64_t>();
    plan.ablation_steps = json.at("ablation_steps").get<int64_t>();
    plan.seed = json.at("seed").get<uint64_t>();
    if (!json.at("minutes").is_null()) plan.minutes = json.at("minutes").get<double>();
    return plan;
  } catch (const nlohmann::json::exception&) {
    fail(ErrorCode::kCorruptData,
         "{}: expected the plan of a demo; remove the folder and start again", path.string());
  }
}

TrainConfig demo_stage1(const DemoPlan& plan, const fs::path& output, const fs::path& assets) {
  TrainConfig config = common(plan, output, assets);
  config.model.arch = "blip2";
  config.model.freeze_embeddings = true;
  RunConfig& run = config.run;
  run.task = "image_text_pretrain_stage1";
  run.output_dir = (output / "stage1").string();
  run.loss_weights = {.itc = 2, .itm = 2, .itg = 1, .query_similarity = 1};
  run.itc_both_sides = true;
  run.mask_same_caption = true;
  run.mask_same_image = true;
  // With hard negatives from the start, ITM never leaves the plateau of one answer for all pairs.
  run.hard_negatives_from = plan.hard_negatives_from();
  run.hard_negatives_share = 0.5;
  run.itm_share = 0.375;
  run.image_token_drop = 0.4;
  run.max_steps = plan.stage1_steps;
  run.average_weights_from = averaged_from(plan.stage1_steps);
  run.warmup_steps = std::max<int64_t>(1, plan.stage1_steps / 10);
  run.batch_size_train = DemoPlan::kStage1Batch;
  run.checkpoint_every = 40;
  run.keep_checkpoints = 2;
  return config;
}

namespace {

/// Stage 2 from a BERT.
TrainConfig any_stage2(const DemoPlan& plan, const fs::path& output, const fs::path& assets,
                       int64_t num_steps) {
  TrainConfig config = common(plan, output, assets);
  config.model.arch = "blip2_llama";
  config.model.language_model = (assets / "models" / "smollm2_135m_instruct").string();
  config.model.prompt = "A picture of";
  RunConfig& run = config.run;
  run.task = "image_text_pretrain_stage2";
  run.loss_weights.query_similarity = 0.5;
  run.max_steps = num_steps;
  run.average_weights_from = averaged_from(num_steps);
  // By the whole plan's steps even for the short ablation: a shorter warm-up makes the loss
  // unstable.
  run.warmup_steps = std::max<int64_t>(1, plan.stage2_steps / 20);
  run.batch_size_train = DemoPlan::kStage2Batch;
  run.checkpoint_every = 100;
  run.keep_checkpoints = 2;
  return config;
}

fs::path stage1_model(const fs::path& output) { return output / "stage1" / "model"; }

}  // namespace

TrainConfig demo_stage2(const DemoPlan& plan, const fs::path& output, const fs::path& assets) {
  TrainConfig config = any_stage2(plan, output, assets, plan.stage2_steps);
  config.model.qformer = stage1_model(output).string();
  config.run.output_dir = (output / "stage2").string();
  return config;
}

TrainConfig demo_ablation(const DemoPlan& plan, const fs::path& output, const fs::path& assets,
                          Stage1Use stage1) {
  const bool is_with = stage1 == Stage1Use::kWith;
  TrainConfig config = any_stage2(plan, output, assets, plan.ablation_steps + 1);
  if (is_with) config.model.qformer = stage1_model(output).string();
  config.run.output_dir =
      (output / "ablation" / (is_with ? "with_stage1" : "without_stage1")).string();
  return config;
}

}  // namespace blip2
