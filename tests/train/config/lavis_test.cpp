// LAVIS's published files (tests/golden/lavis/*.yaml): what they resolve to, what they warn of, and
// that both stages train from them, with nothing changed but paths and `--set`.
#include "blip2/train/config/lavis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "blip2/train/config/loader.h"
#include "blip2/train/config/recipes.h"
#include "blip2/train/run.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tests_directory.h"
#include "tests/support/tiny/parts.h"
#include "tests/support/tiny/pictures.h"

namespace blip2 {
namespace {

namespace fs = std::filesystem;
using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

fs::path published(const std::string& name) {
  return testing::tests_directory() / "golden" / "lavis" / name;
}

/// The keys of a file that are ignored with a warning, in the file's order.
std::vector<std::string> ignored_keys(const std::string& file) {
  TrainConfig config;
  ConfigDocument document(config);
  std::vector<std::string> warnings, keys;
  EXPECT_TRUE(read_lavis(read_file(published(file)), "f", document, warnings));
  EXPECT_NO_THROW(document.throw_faults());
  for (const std::string& warning : warnings) {
    EXPECT_THAT(warning, ContainsRegex("^f:[0-9]+: [a-z0-9_.]+: ignored: "));
    const size_t begin = warning.find(": ") + 2;
    keys.push_back(warning.substr(begin, warning.find(": ", begin) - begin));
  }
  return keys;
}

/// The faults of `yaml`, a LAVIS file; "f" is its name.
std::string faults_of(const std::string& yaml) {
  TrainConfig config;
  ConfigDocument document(config);
  std::vector<std::string> warnings;
  EXPECT_TRUE(read_lavis(yaml, "f", document, warnings));
  try {
    document.throw_faults();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(LavisConfig, PretrainStage1Resolves) {
  const LoadedTrainConfig loaded(published("pretrain_stage1.yaml"));
  const TrainConfig& config = loaded.config();
  EXPECT_EQ(config.model.arch, "blip2");
  EXPECT_TRUE(config.model.freeze_vit);
  EXPECT_EQ(config.model.num_query_token, 32);
  EXPECT_FALSE(config.model.fold_token_types);
  EXPECT_EQ(config.run.task, "image_text_pretrain_stage1");
  EXPECT_EQ(config.run.recipe, "lavis");
  EXPECT_EQ(config.run.init_lr, 1e-4);
  EXPECT_EQ(config.run.min_lr, 1e-5);
  EXPECT_EQ(config.run.warmup_lr, 1e-6);
  EXPECT_EQ(config.run.warmup_steps, 5000);
  EXPECT_EQ(config.run.weight_decay, 0.05);
  EXPECT_EQ(config.run.beta2, 0.999);
  EXPECT_EQ(config.run.max_epoch, 10);
  EXPECT_EQ(config.run.max_steps, std::nullopt);
  EXPECT_EQ(config.run.batch_size_train, 100);
  EXPECT_EQ(config.run.accum_grad_iters, 1);
  EXPECT_EQ(config.run.num_workers, 4);
  EXPECT_EQ(config.run.seed, 42);
  EXPECT_EQ(config.run.output_dir, "output/BLIP2/Pretrain_stage1");
  EXPECT_TRUE(config.run.clean_captions);
  ASSERT_EQ(config.datasets.size(), 2u);
  const DatasetConfig& coco = config.datasets.at("coco_caption");
  EXPECT_EQ(coco.format, "coco_karpathy");
  EXPECT_EQ(coco.augment, "random_resized_crop_flip");
  EXPECT_EQ(coco.image_size, 224);
  EXPECT_THAT(coco.annotations, ElementsAre("coco/annotations/coco_karpathy_train.json"));
  EXPECT_EQ(coco.images, "coco/images/");
  const DatasetConfig& genome = config.datasets.at("vg_caption");
  EXPECT_EQ(genome.format, "visual_genome");
  EXPECT_EQ(genome.augment, "random_resized_crop_flip_randaugment");
  EXPECT_THAT(genome.annotations, ElementsAre("vg/annotations/vg_caption.json"));
}

TEST(LavisConfig, PretrainStage2Resolves) {
  const LoadedTrainConfig loaded(published("pretrain_stage2.yaml"));
  const TrainConfig& config = loaded.config();
  EXPECT_EQ(config.model.arch, "blip2_opt");
  EXPECT_EQ(config.model.language_model, "facebook/opt-2.7b");
  EXPECT_THAT(config.model.qformer, ::testing::EndsWith("/BLIP2/blip2_pretrained.pth"));
  EXPECT_EQ(config.model.prompt, "");
  EXPECT_EQ(config.run.task, "image_text_pretrain_stage2");
  EXPECT_EQ(config.run.batch_size_train, 64);
  EXPECT_EQ(config.run.warmup_steps, 2000);
  EXPECT_EQ(config.run.max_epoch, 10);
  EXPECT_EQ(config.datasets.size(), 2u);
}

TEST(LavisConfig, CaptionFinetuningResolves) {
  const LoadedTrainConfig loaded(published("caption_coco_ft.yaml"));
  const TrainConfig& config = loaded.config();
  EXPECT_EQ(config.model.arch, "blip2_opt");
  EXPECT_EQ(config.model.qformer, "blip2_pretrained_opt2.7b.pth");  // load_finetuned: False
  EXPECT_FALSE(config.model.freeze_vit);
  EXPECT_TRUE(config.model.use_grad_checkpoint);
  EXPECT_EQ(config.model.prompt, "a photo of");
  EXPECT_EQ(config.run.task, "finetune_caption");
  EXPECT_EQ(config.run.init_lr, 1e-5);
  EXPECT_EQ(config.run.min_lr, 0);
  EXPECT_EQ(config.run.warmup_lr, 1e-8);
  EXPECT_EQ(config.run.warmup_steps, 1000);
  EXPECT_EQ(config.run.max_epoch, 5);
  EXPECT_EQ(config.run.batch_size_train, 16);
  EXPECT_EQ(config.datasets.at("coco_caption").image_size, 364);
}

TEST(LavisConfig, RetrievalFinetuningResolves) {
  const LoadedTrainConfig loaded(published("retrieval_coco_ft.yaml"));
  const TrainConfig& config = loaded.config();
  EXPECT_EQ(config.model.qformer, "blip2_pretrained.pth");
  EXPECT_FALSE(config.model.freeze_vit);
  EXPECT_TRUE(config.model.use_grad_checkpoint);  // of its preset alone
  EXPECT_EQ(config.run.task, "finetune_retrieval");
  EXPECT_EQ(config.run.batch_size_train, 14);
  EXPECT_EQ(config.run.lr_layer_decay, 1);  // the file's 0.95 reaches no rate in LAVIS
  const DatasetConfig& coco = config.datasets.at("coco_retrieval");
  EXPECT_EQ(coco.images, "/export/share/datasets/vision/coco/images/");
  EXPECT_EQ(coco.image_size, 364);
}

TEST(LavisConfig, EachKeyWithoutEffectGivesAWarning) {
  const std::vector<std::string> pretraining = {"run.batch_size_eval", "run.device", "run.dist_url",
                                                "run.world_size", "run.distributed"};
  EXPECT_THAT(ignored_keys("pretrain_stage1.yaml"),
              ::testing::UnorderedElementsAreArray(pretraining));
  EXPECT_THAT(ignored_keys("pretrain_stage2.yaml"),
              ::testing::UnorderedElementsAreArray(pretraining));
  const auto with = [&](const std::string& dataset, std::vector<std::string> more) {
    for (const char* key :
         {"vis_processor.eval.name", "vis_processor.eval.image_size", "text_processor.eval.name"}) {
      more.push_back("datasets." + dataset + "." + key);
    }
    more.insert(more.end(), pretraining.begin(), pretraining.end());
    return ::testing::UnorderedElementsAreArray(more);
  };
  EXPECT_THAT(ignored_keys("caption_coco_ft.yaml"),
              with("coco_caption", {"run.max_len", "run.min_len", "run.num_beams",
                                    "run.valid_splits", "run.test_splits"}));
  EXPECT_THAT(ignored_keys("retrieval_coco_ft.yaml"),
              with("coco_retrieval", {"run.lr_layer_decay", "run.valid_splits", "run.k_test",
                                      "run.use_dist_eval_sampler"}));
}

TEST(LavisConfig, ValuesNameTheirSources) {
  const LoadedTrainConfig loaded(published("pretrain_stage2.yaml"), {"run.seed=7"});
  const std::string yaml = loaded.to_yaml(true);
  EXPECT_THAT(yaml, ContainsRegex("warmup_steps: 2000 +# .*pretrain_stage2.yaml:[0-9]+\n"));
  EXPECT_THAT(yaml, ContainsRegex("task: image_text_pretrain_stage2 +# .*stage2.yaml:[0-9]+\n"));
  EXPECT_THAT(yaml, HasSubstr("language_model: facebook/opt-2.7b"));
  EXPECT_THAT(yaml, ContainsRegex("# LAVIS blip2_opt pretrain_opt2.7b\n"));
  EXPECT_THAT(yaml, ContainsRegex("images: vg/images/ +# LAVIS vg_caption\n"));
  EXPECT_THAT(yaml, ContainsRegex("seed: 7 +# --set\n"));
  EXPECT_THAT(yaml, ContainsRegex("beta2: 0.999 +# recipe lavis\n"));
}

TEST(LavisConfig, FilesThatLavisDownloadsMustBeNamed) {
  try {
    const LoadedTrainConfig loaded(published("pretrain_stage2.yaml"), {}, FileChecks::kNow);
    ADD_FAILURE() << "no directory of a model was asked for";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    for (const char* key : {"model.image_encoder", "model.qformer", "model.language_model",
                            "datasets.coco_caption.annotations", "datasets.coco_caption.images",
                            "datasets.vg_caption.annotations", "datasets.vg_caption.images"}) {
      EXPECT_THAT(error.what(), HasSubstr(fmt::format("--set {}=PATH", key)));
    }
  }
}

constexpr const char* kShort = R"(model: {arch: blip2, model_type: pretrain}
datasets: {coco_caption: {vis_processor: {train: {name: blip2_image_train}}}}
run: {task: image_text_pretrain, init_lr: 1e-4, max_epoch: 1, output_dir: out}
)";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(LavisConfig, MissingKeysHaveLavissDefaults) {
  const TemporaryFolder folder;
  const LoadedTrainConfig loaded(folder.write("short.yaml", kShort));
  EXPECT_EQ(loaded.config().datasets.at("coco_caption").image_size, 224);
  EXPECT_EQ(loaded.config().run.warmup_lr, 1e-4);  // init_lr, not the recipe's
  EXPECT_EQ(loaded.config().run.warmup_steps, 0);
  EXPECT_FALSE(loaded.config().run.clean_captions);  // no text processor
  EXPECT_EQ(loaded.config().model.qformer, "blip2_pretrained.pth");
}

TEST(LavisConfig, FaultsNameTheFilesOwnKeys) {
  EXPECT_EQ(faults_of(kShort), "");
  const auto fault = [](const std::string& from, const std::string& to) {
    return faults_of(replaced(kShort, from, to));
  };
  EXPECT_EQ(fault("init_lr: 1e-4", "init_lrr: 1e-4"),
            "f:3: run.init_lrr: unknown key; the nearest is 'init_lr'");
  EXPECT_EQ(fault("init_lr: 1e-4", "init_lr: fast"),
            "f:3: run.init_lr: expected a number, found \"fast\"");
  EXPECT_THAT(fault("model_type: pretrain", "model_type: small"),
              HasSubstr("f:1: model.model_type: expected one of blip2 pretrain, "));
  EXPECT_THAT(fault("coco_caption", "my_pictures"),
              HasSubstr("datasets.my_pictures: expected one of LAVIS's coco_caption, "));
  EXPECT_EQ(fault("max_epoch: 1", "evaluate: True"),
            "f:3: run.evaluate: expected false; blip2 evaluate evaluates");
  EXPECT_EQ(fault("max_epoch: 1", "lr_sched: constant_lr"),
            "f:3: run.lr_sched: expected linear_warmup_cosine_lr");
  EXPECT_EQ(fault("task: image_text_pretrain", "task: dialogue"),
            "f:3: run.task: expected image_text_pretrain, captioning, retrieval or vqa, found "
            "\"dialogue\"");
  EXPECT_EQ(fault("name: blip2_image_train", "name: clip_image_train"),
            "f:2: datasets.coco_caption.vis_processor.train.name: expected blip2_image_train, "
            "blip_image_train or blip_image_eval, found \"clip_image_train\"");
  EXPECT_EQ(fault("name: blip2_image_train", "name: blip2_image_train, image_size: 364"),
            "f:2: datasets.coco_caption.vis_processor.train.image_size: expected the encoder's "
            "224, found 364");
}

TEST(LavisConfig, AFileInOurKeysIsNotTakenForLaviss) {
  TrainConfig config;
  ConfigDocument document(config);
  std::vector<std::string> warnings;
  EXPECT_FALSE(read_lavis("model: {arch: blip2}\nrun: {max_stepz: 3}\n", "f", document, warnings));
  EXPECT_NO_THROW(document.throw_faults());
}

/// What a user gives besides LAVIS's file: paths, and sizes that fit a test.
struct TinyRun {
  TemporaryFolder folder;
  std::vector<std::string> overrides;

  explicit TinyRun(const std::vector<std::string>& datasets) {
    testing::write_coco(folder / "coco", 6);
    for (const std::string& name : datasets) {
      set("datasets." + name + ".annotations", (folder / "coco/annotations.json").string());
      set("datasets." + name + ".images", (folder / "coco/images").string());
    }
    set("model.image_encoder", testing::write_tiny_vit(folder / "vit").string());
    set("model.num_query_token", "3");
    set("model.embed_dim", "7");
    set("run.max_epoch", "1");
    set("run.batch_size_train", "3");
    set("run.num_workers", "1");
    set("run.log_every", "1");
  }
  void set(const std::string& key, const std::string& value) {
    overrides.push_back(key + "=" + value);
  }
  /// Checked, files and all, and run to its end.
  std::vector<LogRow> train(const std::string& file) {
    const std::string output = (folder / file).string();
    set("run.output_dir", output);
    const LoadedTrainConfig loaded(published(file), overrides, FileChecks::kNow);
    RunOptions options;
    options.stop_requested = [] { return false; };
    run_training(loaded, options);
    EXPECT_TRUE(fs::exists(fs::path(output) / "model" / "config.json"));
    return read_log(fs::path(output) / "log.jsonl");
  }
};

TEST(LavisConfig, BothStagesTrainFromThePublishedFiles) {
  TinyRun one({"coco_caption", "vg_caption"});
  one.set("model.qformer", testing::write_tiny_bert(one.folder / "bert").string());
  const std::vector<LogRow> first = one.train("pretrain_stage1.yaml");
  ASSERT_EQ(first.size(), 8u);  // two data sets of 12 records, in threes
  EXPECT_EQ(first[0].lr, 1e-6);
  EXPECT_DOUBLE_EQ(first[1].lr, 1e-6 + (1e-4 - 1e-6) / 5000);

  TinyRun two({"coco_caption", "vg_caption"});
  two.set("model.qformer", (one.folder / "pretrain_stage1.yaml/model").string());
  two.set("model.language_model", testing::write_tiny_opt(two.folder / "opt").string());
  const std::vector<LogRow> second = two.train("pretrain_stage2.yaml");
  ASSERT_EQ(second.size(), 8u);
  EXPECT_DOUBLE_EQ(second[1].lr, 1e-6 + (1e-4 - 1e-6) / 2000);
}

}  // namespace
}  // namespace blip2
