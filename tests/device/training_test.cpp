// Runs on a device whose memory cannot be read in place and whose tensors do not mix with the
// CPU's: they do what they do on the CPU.
#include <ATen/ops/allclose.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "blip2/checkpoint/open_source.h"
#include "blip2/checkpoint/source.h"
#include "blip2/train/run.h"
#include "tests/device/strict_device.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny/parts.h"
#include "tests/support/tiny/pictures.h"

namespace blip2 {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryFolder;

class DeviceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    testing::write_coco(folder_ / "coco", 6);
    encoder_ = testing::write_tiny_vit(folder_ / "vit");
    bert_ = testing::write_tiny_bert(folder_ / "bert");
    opt_ = testing::write_tiny_opt(folder_ / "opt");
  }

  TrainConfig config(const std::string& task) {
    TrainConfig config;
    const bool has_language_model =
        task != "image_text_pretrain_stage1" && task != "finetune_retrieval";
    config.model.arch = has_language_model ? "blip2_opt" : "blip2";
    config.model.image_encoder = encoder_.string();
    config.model.qformer = bert_.string();
    if (has_language_model) config.model.language_model = opt_.string();
    config.model.num_query_token = 3;
    config.model.embed_dim = 7;
    DatasetConfig& data = config.datasets["coco"];
    data.format = "coco_karpathy";
    data.annotations = {(folder_ / "coco/annotations.json").string()};
    data.images = (folder_ / "coco/images").string();
    config.run.task = task;
    config.run.max_steps = 4;
    config.run.batch_size_train = 3;
    config.run.warmup_steps = 1;
    config.run.init_lr = 1e-3;
    config.run.log_every = 1;
    config.run.checkpoint_every = 2;
    return config;
  }

  /// The losses of a run and the weights that it leaves.
  struct Outcome {
    std::vector<double> losses;
    std::unique_ptr<TensorSource> weights;
  };
  Outcome run(TrainConfig config, at::Device device) {
    config.run.output_dir = (folder_ / at::DeviceTypeName(device.type(), true)).string();
    Outcome outcome;
    RunOptions options;
    options.device = device;
    options.stop_requested = [] { return false; };
    options.after_step = [&](const LogRow& row, const Bundle&) {
      outcome.losses.push_back(row.loss);
    };
    options.stop_after = 2;
    run_training(LoadedTrainConfig(config, "test"), options);
    options.stop_after = std::nullopt;  // goes on from its snapshot
    run_training(LoadedTrainConfig(config, "test"), options);
    outcome.weights = open_source(fs::path(config.run.output_dir) / "model");
    return outcome;
  }

  void expect_the_same(const TrainConfig& config) {
    const Outcome expected = run(config, at::kCPU), found = run(config, testing::strict_device());
    ASSERT_EQ(found.losses.size(), 4);
    for (size_t i = 0; i < 4; ++i) {
      EXPECT_NEAR(found.losses[i], expected.losses[i], 1e-4 * expected.losses[i]) << i;
    }
    for (const TensorInfo& info : expected.weights->infos()) {
      EXPECT_TRUE(at::allclose(found.weights->read(info.name).to(at::kFloat),
                               expected.weights->read(info.name).to(at::kFloat), 1e-3, 1e-4))
          << info.name;
    }
  }

  TemporaryFolder folder_;
  fs::path encoder_, bert_, opt_;
};

TEST_F(DeviceTest, Stage1) { expect_the_same(config("image_text_pretrain_stage1")); }

TEST_F(DeviceTest, Stage1FromCachedFeatures) {
  TrainConfig cached = config("image_text_pretrain_stage1");
  cached.datasets["coco"].feature_cache = (folder_ / "features").string();
  cached.run.image_token_drop = 0.4;
  cached.run.mask_same_caption = true;
  cached.run.average_weights_from = 2;
  expect_the_same(cached);
}

TEST_F(DeviceTest, Stage2) { expect_the_same(config("image_text_pretrain_stage2")); }

TEST_F(DeviceTest, RetrievalWithATrainedEncoder) {
  TrainConfig tuned = config("finetune_retrieval");
  tuned.model.freeze_vit = false;
  expect_the_same(tuned);
}

}  // namespace
}  // namespace blip2
