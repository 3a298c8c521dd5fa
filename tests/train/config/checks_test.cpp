// What a configuration names in the file system: every fault is found before anything is opened,
// and all of them at once.
#include "blip2/train/config/checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "blip2/train/config/loader.h"
#include "blip2/train/run.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny/parts.h"
#include "tests/support/tiny/pictures.h"

namespace blip2 {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

class FileChecksTest : public ::testing::Test {
 protected:
  void SetUp() override {
    testing::write_coco(folder_ / "coco", 3);
    testing::write_tiny_vit(folder_ / "vit");
    testing::write_tiny_bert(folder_ / "bert");
    testing::write_tiny_opt(folder_ / "opt");
    folder_.write("run.yaml", fmt::format(R"(
model: {{image_encoder: {0}/vit, qformer: {0}/bert, num_query_token: 3, embed_dim: 7}}
datasets:
  coco: {{format: coco_karpathy, annotations: {0}/coco/annotations.json, images: {0}/coco/images}}
run: {{output_dir: {0}/out}}
)",
                                          folder_.path().string()));
  }

  /// The faults, with "DIR" for the folder and none before the file.
  std::string faults(std::vector<std::string> overrides) {
    for (std::string& one : overrides) replace(one, "DIR", folder_.path().string());
    try {
      const LoadedTrainConfig loaded(folder_ / "run.yaml", overrides, FileChecks::kNow);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      std::string message = error.what();
      replace(message, folder_.path().string() + "/run.yaml:", "run.yaml:");
      replace(message, folder_.path().string(), "DIR");
      return message;
    }
    return "";
  }
  std::vector<std::string> stage2(const std::vector<std::string>& more = {}) {
    std::vector<std::string> all = {"run.task=image_text_pretrain_stage2", "model.arch=blip2_opt",
                                    "model.language_model=DIR/opt"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  static void replace(std::string& text, const std::string& from, const std::string& to) {
    for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
      text.replace(at, from.size(), to);
    }
  }

  TemporaryFolder folder_;
};

TEST_F(FileChecksTest, PassesWhatFits) {
  EXPECT_EQ(faults({}), "");
  EXPECT_EQ(faults(stage2()), "");
}

TEST_F(FileChecksTest, NamesMissingPaths) {
  EXPECT_EQ(faults({"datasets.coco.annotations=[DIR/coco/annotations.json, DIR/a.json]",
                    "datasets.coco.images=DIR/b", "model.image_encoder=DIR/c",
                    "model.qformer=DIR/d", "run.output_dir=DIR/run.yaml/out"}),
            "--set: run.output_dir: expected a folder, found the file DIR/run.yaml\n"
            "--set: datasets.coco.annotations: DIR/a.json: no such file or directory; name "
            "another: --set datasets.coco.annotations=PATH\n"
            "--set: datasets.coco.images: DIR/b: no such file or directory; name another: --set "
            "datasets.coco.images=PATH\n"
            "--set: model.image_encoder: DIR/c: no such file or directory; name another: --set "
            "model.image_encoder=PATH\n"
            "--set: model.qformer: DIR/d: no such file or directory; name another: --set "
            "model.qformer=PATH");
  EXPECT_EQ(faults({"datasets.coco.format=webdataset", "datasets.coco.annotations=DIR/{0..3}.tar"}),
            "--set: datasets.coco.annotations: DIR/0.tar: no such file or directory; name "
            "another: --set datasets.coco.annotations=PATH");
}

TEST_F(FileChecksTest, NamesPartsThatCannotBeOpened) {
  EXPECT_THAT(faults({"model.image_encoder=DIR/bert"}),
              HasSubstr("model.image_encoder: DIR/bert: expected an image encoder"));
  EXPECT_THAT(faults({"model.image_encoder=eva_clip_g"}),
              HasSubstr("found eva_clip_g, a shape without weights"));
  EXPECT_THAT(faults({"model.qformer=DIR/opt"}),
              HasSubstr("DIR/opt: expected a BERT or a BLIP-2 model"));
  EXPECT_THAT(faults({"model.qformer=DIR/run.yaml"}), HasSubstr("blip2 convert"));
  EXPECT_THAT(faults({"model.qformer=bert-base"}), HasSubstr("a shape without a vocabulary"));
  EXPECT_THAT(faults(stage2({"model.max_txt_len=2", "model.prompt=a photo of"})),
              HasSubstr("--set: model.max_txt_len: expected more than the "));
  fs::remove(folder_ / "vit/model.safetensors");
  EXPECT_THAT(faults({}), HasSubstr("model.image_encoder: DIR/vit: "));
  fs::remove(folder_ / "bert/tokenizer.json");
  EXPECT_THAT(faults({}), HasSubstr("model.qformer: DIR/bert: "));
}

TEST_F(FileChecksTest, NamesALanguageModelWithoutTokenizerOrOfAnotherArchitecture) {
  EXPECT_EQ(faults(stage2({"model.arch=blip2_t5"})),
            "--set: model.language_model: DIR/opt: expected t5 for model.arch blip2_t5, found opt");
  fs::remove(folder_ / "opt/vocab.json");
  EXPECT_THAT(faults(stage2()), HasSubstr("--set: model.language_model: DIR/opt: "));
}

TEST_F(FileChecksTest, NamesSizesThatDoNotFit) {
  EXPECT_EQ(faults({"datasets.coco.image_size=230"}),
            "--set: datasets.coco.image_size: expected a multiple of the patch's 28, found 230");
  // A stage-1 model for another encoder.
  const LoadedTrainConfig loaded(folder_ / "run.yaml",
                                 {"run.max_steps=1", "run.batch_size_train=2"});
  RunOptions options;
  options.stop_requested = [] { return false; };
  run_training(loaded, options);
  std::string config = read_file(folder_ / "vit/config.json");
  replace(config, "\"hidden_size\":16", "\"hidden_size\":8");
  write_file_atomic(folder_ / "vit/config.json", config);
  EXPECT_EQ(faults({"model.qformer=DIR/out/model"}),
            "run.yaml:2: model.image_encoder: DIR/vit: expected image tokens of width 16, which "
            "model.qformer DIR/out/model reads, found 8");
}

}  // namespace
}  // namespace blip2
