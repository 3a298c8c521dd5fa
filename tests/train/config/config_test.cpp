// What a configuration file resolves to: keys, recipes, sources of values, and every fault.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "blip2/base/list_files.h"
#include "blip2/train/config/loader.h"
#include "tests/support/tests_directory.h"
#include "tests/train/support.h"

namespace blip2 {
namespace {

using testing::TemporaryFolder;

constexpr const char* kStage1 = R"(model: {arch: blip2}
datasets: {pairs: {format: jsonl, annotations: a.jsonl}}
run:
  output_dir: out
)";

/// Loads `yaml` as a file named run.yaml.
struct Loaded {
  TemporaryFolder folder;
  std::unique_ptr<LoadedTrainConfig> document;

  explicit Loaded(const std::string& yaml, const std::vector<std::string>& overrides = {}) {
    write_file_atomic(folder / "run.yaml", yaml);
    document = std::make_unique<LoadedTrainConfig>(folder / "run.yaml", overrides);
  }
  const RunConfig& run() const { return document->config().run; }
};

/// The message of loading, with "run.yaml" for the file's path.
std::string faults_of(const std::string& yaml, const std::vector<std::string>& overrides = {}) {
  const TemporaryFolder folder;
  write_file_atomic(folder / "run.yaml", yaml);
  try {
    const LoadedTrainConfig loaded(folder / "run.yaml", overrides);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    std::string message = error.what();
    const std::string prefix = folder.path().string() + "/";
    for (size_t at; (at = message.find(prefix)) != std::string::npos;)
      message.erase(at, prefix.size());
    return message;
  }
  return "";
}

TEST(TrainConfig, TheDocumentedExampleIsRead) {
  const Loaded loaded(R"(
model:
  arch: blip2_t5
  image_encoder: eva_clip_g
  qformer: bert-base
  language_model: some/dir
  num_query_token: 32
  cross_attention_freq: 2
  embed_dim: 256
  max_txt_len: 32
  freeze_vit: true
  freeze_embeddings: false
  fold_token_types: true
  prompt: ""
datasets:
  my_pairs:
    format: coco_karpathy
    annotations: [a.json, b.json]
    images: some/where
    sample_ratio: 1
    image_size: 224
    augment: random_resized_crop_flip
    feature_cache: cache
    views: 2
run:
  task: image_text_pretrain_stage2
  recipe: paper
  output_dir: out
  loss_weights: {itc: 1, itm: 1, itg: 1}
  hard_negatives_from: 0
  mask_same_image: false
  mask_same_caption: true
  token_mean: local
  prefix_lm: split
  max_skipped_fraction: 0.01
  max_bad_steps: 3
  lr_layer_decay: 1.0
  lora: {rank: 0, alpha: 16, targets: [q_proj, v_proj]}
  max_steps: 250000
  batch_size_train: 100
  accum_grad_iters: 1
  init_lr: 1.0e-4
  min_lr: 1.0e-5
  warmup_lr: 1.0e-6
  warmup_steps: 5000
  weight_decay: 0.05
  beta2: 0.999
  grad_clip: 0
  drop_rate: 0.1
  shuffle: true
  num_workers: 4
  seed: 42
  log_every: 50
  checkpoint_every: 1000
  keep_checkpoints: 3
)");
  EXPECT_EQ(loaded.document->config().datasets.at("my_pairs").annotations.size(), 2u);
  EXPECT_EQ(loaded.run().max_steps, 250000);
  EXPECT_EQ(loaded.run().beta2, 0.999);  // the file's, not the recipe's
  EXPECT_EQ(loaded.run().max_epoch, std::nullopt);
}

TEST(TrainConfig, RecipesFillKeysThatTheFileDoesNotGive) {
  const Loaded paper(kStage1);
  EXPECT_EQ(paper.run().max_steps, 250000);
  EXPECT_EQ(paper.run().max_epoch, std::nullopt);
  EXPECT_EQ(paper.run().beta2, 0.98);
  EXPECT_EQ(paper.run().warmup_steps, 2000);
  EXPECT_EQ(paper.run().init_lr, 1e-4);
  EXPECT_EQ(paper.run().min_lr, 1e-5);
  EXPECT_EQ(paper.run().weight_decay, 0.05);
  EXPECT_EQ(paper.run().grad_clip, 0);
  EXPECT_TRUE(paper.document->config().model.fold_token_types);
  EXPECT_THAT(paper.document->to_yaml(true),
              ::testing::ContainsRegex("beta2: 0.98 +# recipe paper\n"));
  EXPECT_THAT(paper.document->to_yaml(true), ::testing::ContainsRegex("seed: 42 +# default\n"));
  EXPECT_THAT(paper.document->to_yaml(true),
              ::testing::ContainsRegex("output_dir: out +# .*run.yaml:4\n"));

  const Loaded lavis(std::string(kStage1) + "  recipe: lavis\n  init_lr: 2e-4\n");
  EXPECT_EQ(lavis.run().max_steps, std::nullopt);
  EXPECT_EQ(lavis.run().max_epoch, 10);
  EXPECT_EQ(lavis.run().beta2, 0.999);
  EXPECT_EQ(lavis.run().warmup_steps, 5000);
  EXPECT_EQ(lavis.run().batch_size_train, 100);
  EXPECT_EQ(lavis.run().init_lr, 2e-4);
  EXPECT_FALSE(lavis.document->config().model.fold_token_types);

  const std::vector<std::string> stage2 = {"run.task=image_text_pretrain_stage2",
                                           "model.arch=blip2_opt", "model.language_model=dir"};
  const Loaded paper2(kStage1, stage2);
  EXPECT_EQ(paper2.run().max_steps, 80000);
  EXPECT_EQ(paper2.run().min_lr, 5e-5);
  const Loaded lavis2(std::string(kStage1) + "  recipe: lavis\n", stage2);
  EXPECT_EQ(lavis2.run().min_lr, 1e-5);
  EXPECT_EQ(lavis2.run().warmup_steps, 2000);
  EXPECT_EQ(lavis2.run().batch_size_train, 64);
}

/// What a recipe resolves to for a task, by the columns of docs/training.md's table.
std::string resolved(const std::string& recipe, const std::string& task) {
  const bool stage1 = task == "image_text_pretrain_stage1" || task == "finetune_retrieval";
  const Loaded loaded(
      "datasets: {coco: {format: coco_karpathy, annotations: a, images: b}, vg: "
      "{format: visual_genome, annotations: a, images: b}}\nrun: {output_dir: o}\n",
      {"run.recipe=" + recipe, "run.task=" + task,
       stage1 ? "model.arch=blip2" : "model.arch=blip2_opt", "model.language_model=dir"});
  const TrainConfig& config = loaded.document->config();
  const RunConfig& run = config.run;
  const std::string length = run.max_steps ? fmt::format("{} steps", *run.max_steps)
                                           : fmt::format("{} epochs", *run.max_epoch);
  const auto augment = [&](const char* name) {
    const bool more = config.datasets.at(name).augment.ends_with("randaugment");
    return more ? "crop, flip, RandAugment" : "crop, flip";
  };
  return fmt::format(
      "{} | batch {} | {:g} to {:g} from {:g} in {} | {} {} {} | {} | {} | {} | {} | {} | '{}' | "
      "{} | "
      "{}",
      length, run.batch_size_train, run.init_lr, run.min_lr, run.warmup_lr, run.warmup_steps,
      run.weight_decay, run.beta2, run.lr_layer_decay, config.model.freeze_vit,
      config.datasets.at("coco").image_size, augment("coco"), augment("vg"),
      config.model.fold_token_types, config.model.prompt, run.clean_captions, run.drop_rate);
}

// docs/training.md, "The two recipes"; the paper's batches are of 16 ranks.
TEST(TrainConfig, TheRecipesAreThePublishedOnes) {
  EXPECT_EQ(resolved("paper", "image_text_pretrain_stage1"),
            "250000 steps | batch 105 | 0.0001 to 1e-05 from 1e-06 in 2000 | 0.05 0.98 1 | true | "
            "224 | crop, flip | crop, flip | true | '' | false | 0.1");
  EXPECT_EQ(resolved("lavis", "image_text_pretrain_stage1"),
            "10 epochs | batch 100 | 0.0001 to 1e-05 from 1e-06 in 5000 | 0.05 0.999 1 | true | "
            "224 | crop, flip | crop, flip, RandAugment | false | '' | true | 0.1");
  EXPECT_EQ(resolved("paper", "image_text_pretrain_stage2"),
            "80000 steps | batch 120 | 0.0001 to 5e-05 from 1e-06 in 2000 | 0.05 0.98 1 | true | "
            "224 | crop, flip | crop, flip | true | '' | false | 0.1");
  EXPECT_EQ(resolved("lavis", "image_text_pretrain_stage2"),
            "10 epochs | batch 64 | 0.0001 to 1e-05 from 1e-06 in 2000 | 0.05 0.999 1 | true | "
            "224 | crop, flip | crop, flip, RandAugment | false | '' | true | 0.1");
  EXPECT_EQ(resolved("paper", "finetune_caption"),
            "5 epochs | batch 16 | 1e-05 to 0 from 1e-08 in 1000 | 0.05 0.999 1 | false | "
            "364 | crop, flip | crop, flip | true | 'a photo of' | false | 0.1");
  EXPECT_EQ(resolved("lavis", "finetune_caption"),
            "5 epochs | batch 16 | 1e-05 to 0 from 1e-08 in 1000 | 0.05 0.999 1 | false | "
            "364 | crop, flip | crop, flip, RandAugment | false | 'a photo of' | true | 0.1");
  EXPECT_EQ(resolved("paper", "finetune_retrieval"),
            "5 epochs | batch 14 | 1e-05 to 0 from 1e-08 in 1000 | 0.05 0.999 0.95 | false | "
            "364 | crop, flip | crop, flip | true | '' | false | 0.1");
  EXPECT_EQ(resolved("lavis", "finetune_retrieval"),
            "5 epochs | batch 14 | 1e-05 to 0 from 1e-08 in 1000 | 0.05 0.999 1 | false | "
            "364 | crop, flip | crop, flip, RandAugment | false | '' | true | 0.1");
}

TEST(TrainConfig, TheRecipesOfAnsweringAreThePapers) {
  EXPECT_EQ(resolved("paper", "finetune_vqa"),
            "5 epochs | batch 8 | 1e-05 to 0 from 1e-08 in 1000 | 0.05 0.999 0.95 | false | "
            "490 | crop, flip | crop, flip | true | 'Question: {} Answer:' | false | 0.1");
}

TEST(TrainConfig, AGivenLengthReplacesTheRecipes) {
  const Loaded epochs(kStage1, {"run.max_epoch=3"});
  EXPECT_EQ(epochs.run().max_epoch, 3);
  EXPECT_EQ(epochs.run().max_steps, std::nullopt);
  const Loaded steps(std::string(kStage1) + "  recipe: lavis\n  max_steps: 5\n");
  EXPECT_EQ(steps.run().max_steps, 5);
  EXPECT_EQ(steps.run().max_epoch, std::nullopt);
}

TEST(TrainConfig, NamesImpossibleCombinations) {
  EXPECT_EQ(faults_of(kStage1), "");
  EXPECT_EQ(faults_of("{}"),
            "run.yaml: run.output_dir: expected a folder, found nothing\n"
            "run.yaml: datasets: expected at least one, found none");
  EXPECT_EQ(faults_of(kStage1, {"run.max_epoch=3", "run.max_steps=3"}),
            "--set: run.max_epoch: expected max_steps or max_epoch, found both");
  EXPECT_EQ(faults_of(kStage1, {"run.max_steps=null"}),
            "--set: run.max_steps: expected max_steps or max_epoch, found neither");
  EXPECT_EQ(faults_of(kStage1, {"run.min_lr=1"}),
            "--set: run.min_lr: expected at most run.init_lr (0.0001), found 1");
  EXPECT_EQ(faults_of(kStage1, {"run.warmup_lr=1"}),
            "--set: run.warmup_lr: expected at most run.init_lr (0.0001), found 1");
  EXPECT_EQ(faults_of(kStage1, {"model.arch=blip2_opt"}),
            "--set: model.arch: expected blip2 for this run.task, found blip2_opt");
  EXPECT_EQ(
      faults_of(kStage1, {"run.task=image_text_pretrain_stage2"}),
      fmt::format("run.yaml:1: model.arch: expected {} for this run.task, found blip2\n",
                  choices_text(one_of(stage2_architectures()))) +
          "run.yaml: model.language_model: expected a directory for this run.task, found nothing");
  EXPECT_EQ(faults_of(kStage1, {"model.qformer=", "model.image_encoder="}),
            "--set: model.image_encoder: expected a directory, found nothing\n"
            "--set: model.qformer: expected a directory or bert-base, found nothing");
  EXPECT_EQ(faults_of(kStage1, {"run.prefix_lm=split"}),
            "--set: run.prefix_lm: expected none for model.arch blip2, found split");
  EXPECT_EQ(faults_of(kStage1, {"datasets.pairs.annotations=[]"}),
            "--set: datasets.pairs.annotations: expected a file, found nothing");
  EXPECT_EQ(faults_of(kStage1, {"datasets.pairs.format=foo", "datasets.pairs.annotations=[]"}),
            "--set: datasets.pairs.format: expected one of jsonl, folder, coco_karpathy, coco, "
            "vqav2, blip_json, "
            "visual_genome, cc_tsv, csv, sbu, imagefolder, laion_parquet, webdataset, found foo");
  EXPECT_EQ(faults_of(kStage1, {"datasets.pairs.format=folder"}),
            "run.yaml: datasets.pairs.images: expected a folder, found nothing");
  EXPECT_EQ(
      faults_of(kStage1, {"datasets.pairs.feature_cache=x", "model.freeze_vit=false"}),
      "--set: datasets.pairs.feature_cache: expected none, since model.freeze_vit is false and "
      "the features change");
  EXPECT_EQ(faults_of(kStage1, {"run.loss_weights.itc=0", "run.loss_weights.itm=0",
                                "run.loss_weights.itg=0"}),
            "run.yaml: run.loss_weights: expected at least one above 0, found none");
  EXPECT_EQ(faults_of(kStage1, {"run.lora.rank=4"}),
            "--set: run.lora.rank: expected 0: not in this version");
  EXPECT_EQ(faults_of(std::string(kStage1), {"run.task=finetune_vqa", "model.arch=blip2_opt",
                                             "model.language_model=dir"}),
            "");
  EXPECT_EQ(faults_of(std::string(kStage1), {"run.task=finetune_vqa", "model.arch=blip2_opt",
                                             "model.language_model=dir", "model.prompt=Question:"}),
            "--set: model.prompt: expected a text with {} for the question, found \"Question:\"");
  EXPECT_EQ(
      faults_of(kStage1, {"model.prompt=<image> a"}),
      "--set: model.prompt: expected a text without \"<image>\", which stands for the picture, "
      "found \"<image> a\"");
}

TEST(TrainConfig, ReportsFilesCombinationsAndLimitsTogether) {
  EXPECT_EQ(faults_of("run: {max_stepz: 3, task: stage_one}\ndatasets: {a: {sample_ratio: 0}}\n"),
            "run.yaml:1: run.max_stepz: unknown key; the nearest is 'max_steps'\n"
            "run.yaml: run.output_dir: expected a folder, found nothing\n"
            "run.yaml: datasets.a.format: expected one of jsonl, folder, coco_karpathy, coco, "
            "vqav2, blip_json, "
            "visual_genome, cc_tsv, csv, sbu, imagefolder, laion_parquet, webdataset, found \"\"\n"
            "run.yaml:2: datasets.a.sample_ratio: expected a number above 0, found 0\n"
            "run.yaml:1: run.task: expected one of image_text_pretrain_stage1, "
            "image_text_pretrain_stage2, finetune_caption, finetune_vqa, finetune_retrieval, found "
            "stage_one");
}

TEST(TrainConfig, ResolvedValuesReadBackTheSame) {
  const Loaded loaded(std::string(kStage1) + "  recipe: lavis\n", {"run.init_lr=0.00033333333333"});
  const std::string resolved = loaded.document->to_yaml(false);
  const Loaded again(resolved);
  EXPECT_EQ(again.document->to_yaml(false), resolved);
  EXPECT_EQ(again.run().init_lr, 0.00033333333333);
  const LoadedTrainConfig made(loaded.document->config(), "demo");
  EXPECT_EQ(made.to_yaml(false), resolved);
}

TEST(TrainConfig, TheRepositorysConfigurationsAreValid) {
  const std::filesystem::path configs = testing::tests_directory() / ".." / "configs";
  const auto files = list_files(configs, {".yaml"});
  EXPECT_GE(files.size(), 2u);
  for (const auto& file : files) EXPECT_NO_THROW(LoadedTrainConfig{file}) << file;
}

}  // namespace
}  // namespace blip2
