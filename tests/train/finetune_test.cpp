// Fine-tuning: the image encoder is trained at another picture size and with a rate for each layer,
// the language model stays frozen, a resumed run equals an uninterrupted one, and the published
// files start it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <map>

#include "blip2/checkpoint/open_source.h"
#include "blip2/checkpoint/source.h"
#include "blip2/models/vision/families.h"
#include "blip2/models/vision/vit.h"
#include "blip2/train/layer_decay.h"
#include "blip2/train/run.h"
#include "blip2/train/trained_tensors.h"
#include "blip2/train/training_data.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tests_directory.h"
#include "tests/support/tiny/parts.h"
#include "tests/support/tiny/pictures.h"
#include "tests/train/graph.h"

namespace blip2 {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryFolder;

/// Runs of six steps over 12 records in threes: four batches an epoch.
class FinetuneTest : public ::testing::Test {
 protected:
  void SetUp() override {
    testing::write_coco(folder_ / "coco", 6);
    encoder_ = testing::write_tiny_vit(folder_ / "vit");
    bert_ = testing::write_tiny_bert(folder_ / "bert");
    opt_ = testing::write_tiny_opt(folder_ / "opt");
  }

  /// From a BERT: quicker than by way of pre-training.
  TrainConfig config(const std::string& task, const std::string& output) {
    TrainConfig config;
    const bool is_retrieval = task == "finetune_retrieval";
    config.model.arch = is_retrieval ? "blip2" : "blip2_opt";
    config.model.image_encoder = encoder_.string();
    config.model.qformer = bert_.string();
    if (!is_retrieval) {
      config.model.language_model = opt_.string();
      config.model.prompt = "a photo of";
    }
    config.model.num_query_token = 3;
    config.model.embed_dim = 7;
    config.model.freeze_vit = false;
    DatasetConfig& data = config.datasets["coco"];
    data.format = "coco_karpathy";
    data.annotations = {(folder_ / "coco/annotations.json").string()};
    data.images = (folder_ / "coco/images").string();
    data.image_size = 364;
    config.run.task = task;
    config.run.output_dir = (folder_ / output).string();
    config.run.max_steps = 6;
    config.run.batch_size_train = 3;
    config.run.warmup_steps = 1;
    config.run.init_lr = 1e-3;
    config.run.log_every = 1;
    config.run.checkpoint_every = 2;
    config.run.lr_layer_decay = 0.9;
    return config;
  }

  /// Runs to the end, or stops after step `stop_after`; gives the first step that it made.
  static int64_t run(const TrainConfig& config, int64_t stop_after = 0) {
    RunOptions options;
    if (stop_after > 0) options.stop_after = stop_after;
    return run_training(LoadedTrainConfig(config, "test"), options).first_step;
  }

  static std::unique_ptr<TensorSource> weights(const TrainConfig& config) {
    return open_source(fs::path(config.run.output_dir) / "model");
  }

  TemporaryFolder folder_;
  fs::path encoder_, bert_, opt_;
};

TEST_F(FinetuneTest, TheImageEncoderIsTrainedAndTheLanguageModelIsNot) {
  const TrainConfig captions = config("finetune_caption", "out");
  run(captions);
  const auto after = weights(captions), before = open_source(encoder_),
             language = open_source(opt_);
  int64_t moved = 0;
  for (const TensorInfo& info : before->infos()) {
    if (info.name == "embeddings.position_embedding" || info.name.starts_with("post_layernorm")) {
      continue;
    }
    EXPECT_FALSE(after->read("vision_model." + info.name).equal(before->read(info.name)))
        << info.name;
    ++moved;
  }
  EXPECT_EQ(moved, 3 + 2 * 12);
  for (const TensorInfo& info : language->infos()) {
    EXPECT_TRUE(after->read("language_model." + info.name).equal(language->read(info.name)));
  }
  // The keys' bias cancels in the softmax and is left alone.
  const at::Tensor bias = after->read("vision_model.encoder.layers.0.self_attn.qkv.bias");
  const at::Tensor old_bias = before->read("encoder.layers.0.self_attn.qkv.bias");
  EXPECT_TRUE(bias.narrow(0, 16, 16).equal(old_bias.narrow(0, 16, 16)));
  EXPECT_FALSE(bias.narrow(0, 0, 16).equal(old_bias.narrow(0, 0, 16)));
}

TEST_F(FinetuneTest, TheSavedModelTakesTheLargerPictures) {
  const TrainConfig captions = config("finetune_caption", "out");
  run(captions);
  const fs::path directory = fs::path(captions.run.output_dir) / "model";
  const Bundle bundle = load_bundle(directory);
  EXPECT_EQ(bundle.transform.image_size, 364);
  EXPECT_EQ(parse_image_encoder(bundle.vision_json, "model").image_size, 364);
  const at::Tensor table = weights(captions)->read("vision_model.embeddings.position_embedding");
  EXPECT_EQ(table.sizes(), (std::vector<int64_t>{1, 1 + 13 * 13, 16}));
  // Trained from where the resized ones started, so still near them.
  const at::Tensor resized =
      resize_positions(open_source(encoder_)->read("embeddings.position_embedding")[0], 13, 13);
  EXPECT_LT((table[0] - resized).abs().max().item<double>(), 0.02);
  EXPECT_FALSE(table[0].equal(resized));
}

TEST_F(FinetuneTest, ResumedIsTheStraightRun) {
  for (const std::string task : {"finetune_caption", "finetune_retrieval"}) {
    const TrainConfig straight = config(task, task + "_straight");
    const TrainConfig resumed = config(task, task + "_resumed");
    run(straight);
    EXPECT_EQ(run(resumed, 3), 1);
    EXPECT_FALSE(fs::exists(fs::path(resumed.run.output_dir) / "model"));
    EXPECT_EQ(run(resumed), 4);
    const auto a = weights(straight), b = weights(resumed);
    ASSERT_EQ(a->infos().size(), b->infos().size());
    for (const TensorInfo& info : a->infos()) {
      EXPECT_TRUE(a->read(info.name).equal(b->read(info.name))) << task << ": " << info.name;
    }
    const auto rows = read_log(fs::path(straight.run.output_dir) / "log.jsonl");
    ASSERT_EQ(rows.size(), 6u);
    EXPECT_NE(rows[0].loss, rows[5].loss);
  }
}

TEST_F(FinetuneTest, RetrievalTreatsPairsOfOnePictureAsPositive) {
  // Two files with one image_id: with all six in a batch every row has a second positive, and ITC is
  // another than that of pre-training, which takes no notice of image_id.
  constexpr std::array kCaptions{"a",          "red red fox",     "moon",
                                 "a red moon", "fox fox fox fox", "red"};
  std::string rows;
  for (size_t i = 0; i < kCaptions.size(); ++i) {
    rows += fmt::format(R"({{"image": "{}.png", "caption": "{}", "image_id": {}}})", i,
                        kCaptions[i], i % 3) +
            "\n";
  }
  TrainConfig retrieval = config("finetune_retrieval", "retrieval");
  TrainConfig pretraining = config("image_text_pretrain_stage1", "pretraining");
  pretraining.model = retrieval.model;
  const fs::path list = folder_.write("pairs.jsonl", rows);
  for (TrainConfig* one : {&retrieval, &pretraining}) {
    one->datasets["coco"].format = "jsonl";
    one->datasets["coco"].annotations = {list.string()};
    one->run.max_steps = 1;
    one->run.batch_size_train = 6;
    one->run.drop_rate = 0;
    run(*one);
  }
  const auto value = [](const TrainConfig& config, const std::string& name) {
    const auto log = read_log(fs::path(config.run.output_dir) / "log.jsonl");
    for (const auto& [key, number] : log.at(0).values) {
      if (key == name) return number;
    }
    return 0.0;
  };
  EXPECT_GT(std::abs(value(retrieval, "loss_itc") - value(pretraining, "loss_itc")),
            4e-6);  // features are nearly alike at the start
  EXPECT_DOUBLE_EQ(value(retrieval, "loss_itg"), value(pretraining, "loss_itg"));
}

TEST_F(FinetuneTest, AnswersAreLearntAfterTheirQuestions) {
  testing::write_questions(folder_ / "vqa", 12);
  const auto answering = [&](const std::string& output) {
    TrainConfig vqa = config("finetune_vqa", output);
    vqa.model.prompt = "Question: {} Answer:";
    DatasetConfig& data = vqa.datasets["coco"];
    data.format = "blip_json";
    data.annotations = {(folder_ / "vqa/questions.json").string()};
    data.images = (folder_ / "vqa/images").string();
    return vqa;
  };
  const TrainConfig straight = answering("vqa_straight"), resumed = answering("vqa_resumed");
  run(straight);
  EXPECT_EQ(run(resumed, 3), 1);
  EXPECT_EQ(run(resumed), 4);
  const auto a = weights(straight), b = weights(resumed);
  for (const TensorInfo& info : a->infos()) {
    EXPECT_TRUE(a->read(info.name).equal(b->read(info.name))) << info.name;
  }
  // An InstructBLIP: the question moved the Q-Former's text side.
  const Bundle bundle = load_bundle(fs::path(straight.run.output_dir) / "model");
  EXPECT_TRUE(is_instruct(bundle));
  EXPECT_EQ(bundle.prompt, "Question: {} Answer:");
  const auto bert = open_source(bert_);
  const std::string up = "encoder.layer.0.intermediate.dense.weight";
  EXPECT_FALSE(a->read("qformer." + up).equal(bert->read(up)));

  // From a stage-2 model, whose Q-Former has lost its text side, that of a BERT reads the question.
  TrainConfig captions = config("finetune_caption", "captions"), from = answering("from_stage2");
  captions.run.max_steps = from.run.max_steps = 1;
  run(captions);
  from.model.qformer = captions.run.output_dir + "/model";
  EXPECT_THROW(run(from), Error);  // which nobody named
  from.model.qformer_text = bert_.string();
  run(from);
  const auto before = weights(captions), after = weights(from);
  const auto distance = [&](const std::string& name) {
    return (after->read(name) - before->read(name)).abs().max().item<double>();
  };
  EXPECT_LT(distance("query_tokens"), 0.01);  // one step from the stage-2 model's
  EXPECT_LT(distance("language_projection.weight"), 0.01);
  EXPECT_LT((after->read("qformer." + up) - bert->read(up)).abs().max().item<double>(), 0.01);
}

TEST_F(FinetuneTest, TheLayersOfClipAreTrainedToo) {
  TrainConfig captions = config("finetune_caption", "out");
  captions.model.image_encoder = testing::write_tiny_clip_vit(folder_ / "clip").string();
  captions.run.max_steps = 1;
  run(captions);
  const auto after = weights(captions), before = open_source(folder_ / "clip");
  for (const char* name : {"embeddings.class_embedding", "pre_layrnorm.weight",
                           "encoder.layers.1.self_attn.v_proj.weight"}) {
    EXPECT_FALSE(after->read(std::string("vision_model.") + name).equal(before->read(name)))
        << name;
  }
}

TEST_F(FinetuneTest, ThePublishedFilesStartIt) {
  const auto train = [&](const std::string& file, const std::string& dataset,
                         const fs::path& qformer) {
    std::vector<std::string> overrides = {
        "datasets." + dataset + ".annotations=" + (folder_ / "coco/annotations.json").string(),
        "datasets." + dataset + ".images=" + (folder_ / "coco/images").string(),
        "model.image_encoder=" + encoder_.string(),
        "model.qformer=" + qformer.string(),
        "model.num_query_token=3",
        "model.embed_dim=7",
        "run.max_epoch=1",
        "run.batch_size_train=4",
        "run.output_dir=" + (folder_ / file).string()};
    if (dataset == "coco_caption") overrides.push_back("model.language_model=" + opt_.string());
    const LoadedTrainConfig loaded(testing::tests_directory() / "golden" / "lavis" / file,
                                   overrides, FileChecks::kNow);
    RunOptions options;
    options.stop_requested = [] { return false; };
    EXPECT_EQ(run_training(loaded, options).last_step, 3);
    return folder_ / file / "model";
  };
  train("caption_coco_ft.yaml", "coco_caption", bert_);
  train("retrieval_coco_ft.yaml", "coco_retrieval", bert_);
}

TEST_F(FinetuneTest, ActivationsAreRecomputedIfAskedFor) {
  for (const bool is_asked : {false, true}) {
    TrainConfig captions = config("finetune_caption", "captions");
    captions.model.use_grad_checkpoint = is_asked;
    Bundle bundle = assemble(captions);
    EXPECT_EQ(bundle.stage2->qformer.recompute_layers, is_asked);
    set_trainable(bundle.image_encoder->tensors(), true);
    TrainingData data(captions, *bundle.image_encoder, bundle.transform, folder_ / "skipped.jsonl");
    data.seek({});
    const at::Tensor image_embeds = data.image_embeds(data.next());
    EXPECT_EQ(testing::count_nodes(image_embeds, "Recomputation"), is_asked ? 2 : 0);

    TrainConfig retrieval = config("finetune_retrieval", "retrieval");
    retrieval.model.use_grad_checkpoint = is_asked;
    EXPECT_EQ(assemble(retrieval).stage1->qformer.recompute_layers, is_asked);
  }
}

TEST(LayerDecay, DecreasesFromTheLastLayerToTheEmbeddings) {
  // LAVIS's repository, models/blip2_models/blip2.py: 39 layers, k = b + 1, d^(40 - k).
  std::vector<at::Tensor> tensors(5);
  std::vector<NamedTensor> named;
  size_t i = 0;
  for (const char* name :
       {"query_tokens", "vision_model.embeddings.class_embedding",
        "vision_model.encoder.layers.0.mlp.fc1.weight",
        "vision_model.encoder.layers.38.mlp.fc1.weight", "language_projection.weight"}) {
    named.push_back({name, &tensors[i++]});
  }
  const std::vector<double> scales = layer_rate_scales(named, 0.95);
  const double expected[] = {1, 0.12851215656510308, 0.13527595427905588, 0.95, 1};
  ASSERT_EQ(scales.size(), 5u);
  for (size_t k = 0; k < 5; ++k) EXPECT_NEAR(scales[k], expected[k], 1e-12) << named[k].name;
  EXPECT_TRUE(layer_rate_scales(named, 1).empty());
}

}  // namespace
}  // namespace blip2
