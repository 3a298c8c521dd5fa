// Both stages train on image encoders that are always frozen, and load_bundle() reads what they
// save.
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "blip2/base/files.h"
#include "blip2/checkpoint/safetensors.h"
#include "blip2/models/bundle.h"
#include "blip2/models/directory/frozen_parts.h"
#include "blip2/models/vision/families.h"
#include "blip2/train/run.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny/parts.h"
#include "tests/support/tiny/pictures.h"
#include "tests/support/weights.h"

namespace blip2 {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::TemporaryFolder;

/// A configuration of two layers, 16 wide, for pictures of 224 pixels in patches of 56.
json tiny(const char* model_type) {
  return {{"model_type", model_type}, {"hidden_size", 16}, {"num_hidden_layers", 2},
          {"num_attention_heads", 2}, {"image_size", 224}, {"patch_size", 56}};
}

/// Writes an encoder with distinct weights.
void write_encoder(const fs::path& directory, const json& config) {
  make_directories(directory);
  write_file_atomic(directory / "config.json", config.dump());
  const ImageEncoderWeights weights = parse_image_encoder(config.dump(), "tiny").make();
  testing::fill_distinct(weights.tensors, 3);
  std::vector<StoredTensor> tensors;
  for (const NamedTensor& named : weights.tensors) tensors.push_back({named.name, *named.tensor});
  write_safetensors(directory / "model.safetensors", tensors);
}

class FrozenEncoder : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    write_encoder(folder_ / "encoder", tiny(GetParam()));
    testing::write_tiny_bert(folder_ / "bert");
    testing::write_tiny_opt(folder_ / "opt");
    testing::write_coco(folder_ / "coco", 4);
  }

  /// Two steps of a stage, its Q-Former from a BERT. Returns the saved directory.
  fs::path train(const std::string& task) const {
    TrainConfig config;
    config.model.image_encoder = (folder_ / "encoder").string();
    config.model.qformer = (folder_ / "bert").string();
    config.model.num_query_token = 3;
    config.model.embed_dim = 7;
    if (task == "image_text_pretrain_stage2") {
      config.model.arch = "blip2_opt";
      config.model.language_model = (folder_ / "opt").string();
    }
    DatasetConfig& data = config.datasets["coco"];
    data.format = "coco_karpathy";
    data.annotations = {(folder_ / "coco/annotations.json").string()};
    data.images = (folder_ / "coco/images").string();
    config.run.task = task;
    config.run.output_dir = (folder_ / task).string();
    config.run.max_steps = 2;
    config.run.batch_size_train = 3;
    config.run.warmup_steps = 1;
    run_training(LoadedTrainConfig(config, "test"));
    return fs::path(config.run.output_dir) / "model";
  }

  TemporaryFolder folder_;
};
INSTANTIATE_TEST_SUITE_P(Families, FrozenEncoder,
                         ::testing::Values("dinov2", "siglip_vision_model"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(FrozenEncoder, BothStagesSaveItUnchanged) {
  const at::Tensor pixels = at::randn({2, 3, 224, 224});
  const ImageEncoderPart alone = open_image_encoder(folder_ / "encoder");
  const at::Tensor expected = alone.encoder->encode(pixels);
  for (const char* task : {"image_text_pretrain_stage1", "image_text_pretrain_stage2"}) {
    const Bundle bundle = load_bundle(train(task));
    EXPECT_TRUE(bundle.image_encoder->encode(pixels).equal(expected)) << task;
    EXPECT_EQ(bundle.transform.mean, alone.transform.mean) << task;
  }
}

}  // namespace
}  // namespace blip2
