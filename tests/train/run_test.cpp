// Whole runs of both stages from the real frozen models on a few pictures: a resumed run is the
// straight run to the last bit, and two runs of one seed have the same log. With dropout, shuffle,
// augmentation, 4 workers and accumulation, cut in the middle of an epoch.
#include "blip2/train/run.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/base/random.h"
#include "blip2/checkpoint/safetensors.h"
#include "blip2/image/encode.h"
#include "blip2/models/language/families.h"
#include "blip2/train/convert_snapshot.h"
#include "blip2/train/records/event_log.h"
#include "blip2/train/records/snapshot.h"
#include "tests/support/assets.h"
#include "tests/support/tests_directory.h"
#include "tests/support/weights.h"
#include "tests/train/support.h"

namespace blip2 {
namespace {
namespace fs = std::filesystem;
using Json = nlohmann::json;

using testing::assets;

class RunTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(fs::exists(assets() / "models" / "all_minilm_l6_v2")) << "run tools/fetch_assets";
    folder_ = fs::temp_directory_path() / fmt::format("blip2_run_test_{}", ::getpid());
    fs::create_directories(folder_);
    const char* names[] = {"a red square", "a blue field", "a green flag", "a dark wall",
                           "a pale sky"};
    std::ofstream rows(folder_ / "data.jsonl");
    for (int i = 0; i < 10; ++i) {
      Random random(1, "picture", static_cast<uint64_t>(i));
      Image image{40, 30, std::vector<uint8_t>(40 * 30 * 3)};
      for (uint8_t& byte : image.rgb) byte = static_cast<uint8_t>(random.below(256));
      write_file_atomic(folder_ / fmt::format("{}.png", i), encode_png(image));
      rows << fmt::format(
          "{{\"image\": \"{0}.png\", \"caption\": \"{1} {0}\", \"key\": \"k{0}\"}}\n", i,
          names[i % 5]);
    }
  }
  void TearDown() override { fs::remove_all(folder_); }

  TrainConfig config(const std::string& output) {
    TrainConfig config;
    config.model.image_encoder = (assets() / "models" / "efficientnet_lite0").string();
    config.model.qformer = (assets() / "models" / "all_minilm_l6_v2").string();
    config.model.num_query_token = 4;
    config.model.max_txt_len = 12;
    config.model.freeze_embeddings = true;
    DatasetConfig& data = config.datasets["pictures"];
    data.format = "jsonl";
    data.annotations = {(folder_ / "data.jsonl").string()};
    data.augment = "random_resized_crop_flip";
    RunConfig& run = config.run;
    run.output_dir = (folder_ / output).string();
    run.max_steps = 6;
    run.batch_size_train =
        2;  // 5 batches an epoch: step 3 of accumulation 2 lies within the second
    run.accum_grad_iters = 2;
    run.warmup_steps = 2;
    run.drop_rate = 0.1;
    run.num_workers = 4;
    run.log_every = 1;
    run.checkpoint_every = 2;
    run.hard_negatives_from = 3;
    return config;
  }

  /// Runs to the end and gives the first step that it made.
  static int64_t run(const TrainConfig& config) {
    return run_training(LoadedTrainConfig(config, "test")).first_step;
  }

  /// Stops after step `last`, as Ctrl-C would.
  static void run_until(const TrainConfig& config, int64_t last) {
    int64_t steps = 0;
    RunOptions options;
    options.after_step = [&](const LogRow& row, const Bundle&) { steps = row.step; };
    options.stop_requested = [&] { return steps + 1 >= last; };
    try {
      run_training(LoadedTrainConfig(config, "test"), options);
      FAIL() << "not interrupted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInterrupted) << error.what();
    }
    EXPECT_EQ(steps, last);
  }

  void expect_same(const TrainConfig& a, const TrainConfig& b) {
    EXPECT_EQ(testing::log_of(a.run.output_dir), testing::log_of(b.run.output_dir));
    const auto weights = [](const TrainConfig& config) {
      return checksum(read_file(fs::path(config.run.output_dir) / "model" / "model.safetensors"));
    };
    EXPECT_EQ(weights(a), weights(b));
  }

  /// From a BERT: quicker than by way of stage 1.
  TrainConfig stage2_config(const std::string& output, const std::string& arch,
                            const fs::path& language_model) {
    TrainConfig two = config(output);
    two.model.arch = arch;
    two.model.language_model = language_model.string();
    two.model.prompt = "A picture of";
    two.run.task = "image_text_pretrain_stage2";
    two.run.max_steps = 3;
    two.run.checkpoint_every = 1;
    return two;
  }

  /// A directory of a tiny language model with random weights. `json` lacks the number of words;
  /// `tokenizer` is one of tests/golden/text.
  fs::path language_model(const std::string& tokenizer, Json json) {
    const fs::path directory = folder_ / tokenizer;
    fs::copy(testing::tests_directory() / "golden" / "text" / tokenizer, directory);
    json["vocab_size"] = load_tokenizer(directory)->vocabulary_size();
    write_file_atomic(directory / "config.json", json.dump());
    const LanguageModelWeights weights = parse_language_model(json.dump(), tokenizer).make();
    testing::fill_distinct(weights.tensors, 5);
    std::vector<StoredTensor> tensors;
    for (const NamedTensor& named : weights.tensors) {
      tensors.push_back({named.name, *named.tensor});
    }
    write_safetensors(directory / "model.safetensors", tensors);
    return directory;
  }
  fs::path t5() {
    return language_model("t5_like", {{"model_type", "t5"},
                                      {"d_model", 16},
                                      {"d_kv", 5},
                                      {"d_ff", 20},
                                      {"num_layers", 2},
                                      {"num_heads", 3},
                                      {"feed_forward_proj", "gated-gelu"},
                                      {"tie_word_embeddings", false}});
  }
  fs::path opt() {
    return language_model("opt_like", {{"model_type", "opt"},
                                       {"hidden_size", 16},
                                       {"ffn_dim", 20},
                                       {"num_hidden_layers", 2},
                                       {"num_attention_heads", 4},
                                       {"max_position_embeddings", 64},
                                       {"eos_token_id", 2}});
  }
  fs::path qwen2() {
    return language_model("qwen2_like", {{"model_type", "qwen2"},
                                         {"hidden_size", 24},
                                         {"intermediate_size", 28},
                                         {"num_hidden_layers", 2},
                                         {"num_attention_heads", 4},
                                         {"num_key_value_heads", 2},
                                         {"max_position_embeddings", 64},
                                         {"eos_token_id", 500}});
  }

  static Json saved(const TrainConfig& config, const std::string& file) {
    return Json::parse(read_file(fs::path(config.run.output_dir) / "model" / file));
  }

  fs::path folder_;
};

TEST_F(RunTest, Stage1ResumedIsTheStraightRun) {
  const TrainConfig straight = config("straight"), resumed = config("resumed");
  run(straight);
  run_until(resumed, 3);
  EXPECT_FALSE(fs::exists(fs::path(resumed.run.output_dir) / "model"));
  EXPECT_EQ(run(resumed), 4);
  expect_same(straight, resumed);
  const std::vector<LogRow> rows = read_log(fs::path(straight.run.output_dir) / "log.jsonl");
  EXPECT_EQ(rows.size(), 6U);
  EXPECT_NE(rows[0].loss, rows[5].loss);
}

TEST_F(RunTest, ASnapshotConvertsToTheModelThatTheRunWouldSave) {
  TrainConfig whole = config("whole"), longer = config("longer");
  whole.run.max_steps = 4;
  whole.run.recipe = longer.run.recipe = "paper";
  whole.run.warmup_steps = longer.run.warmup_steps = 5;  // the same rates as far as both go
  whole.run.average_weights_from = longer.run.average_weights_from = 3;
  run(whole);
  run_until(longer, 4);
  const fs::path snapshot = snapshot_folder(fs::path(longer.run.output_dir) / "checkpoints", 4);
  EXPECT_TRUE(is_snapshot(snapshot));
  EXPECT_FALSE(is_snapshot(longer.run.output_dir));
  convert_snapshot(snapshot, folder_ / "model");
  const std::string expected =
      read_file(fs::path(whole.run.output_dir) / "model/model.safetensors");
  EXPECT_EQ(checksum(read_file(folder_ / "model/model.safetensors")), checksum(expected));
  testing::damage(snapshot / "model.safetensors", 5000);
  EXPECT_THROW(convert_snapshot(snapshot, folder_ / "other"), Error);
  EXPECT_FALSE(fs::exists(folder_ / "other"));
}

TEST_F(RunTest, Stage1OfOneSeedIsOneRunAndOfAnotherSeedIsNot) {
  TrainConfig one = config("one"), two = config("two"), other = config("other");
  for (TrainConfig* c : {&one, &two, &other}) c->run.max_steps = 2;
  two.run.num_workers = 1;
  other.run.seed = 43;
  run(one);
  run(two);
  run(other);
  expect_same(one, two);
  EXPECT_NE(read_log(fs::path(one.run.output_dir) / "log.jsonl")[1].loss,
            read_log(fs::path(other.run.output_dir) / "log.jsonl")[1].loss);
}

TEST_F(RunTest, CachedFeaturesGiveTheRunOfUncachedOnes) {
  // Without augmentation both see the same pictures; the cache stores float16.
  TrainConfig plain = config("plain"), cached = config("cached");
  for (TrainConfig* c : {&plain, &cached}) {
    c->run.max_steps = 2;
    c->datasets["pictures"].augment = "none";
  }
  cached.datasets["pictures"].feature_cache = (folder_ / "features").string();
  run(plain);
  run(cached);
  const std::vector<LogRow> a = read_log(fs::path(plain.run.output_dir) / "log.jsonl");
  const std::vector<LogRow> b = read_log(fs::path(cached.run.output_dir) / "log.jsonl");
  ASSERT_EQ(a.size(), 2u);
  ASSERT_EQ(b.size(), 2u);
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i].loss, b[i].loss, 2e-3 * a[i].loss);
  // Another data set in the same folder is refused.
  std::ofstream(folder_ / "data.jsonl", std::ios::app)
      << R"({"image": "0.png", "caption": "one more", "key": "k10"})" << "\n";
  cached.run.output_dir = (folder_ / "again").string();
  EXPECT_THROW(run_training(LoadedTrainConfig(cached, "test")), Error);
}

TEST_F(RunTest, Stage2StartsFromStage1AndResumes) {
  TrainConfig one = config("stage1");
  one.run.max_steps = 1;
  run(one);
  const auto stage2 = [&](const std::string& output) {
    TrainConfig two =
        stage2_config(output, "blip2_llama", assets() / "models" / "smollm2_135m_instruct");
    two.model.qformer = one.run.output_dir + "/model";
    return two;
  };
  const TrainConfig straight = stage2("straight2"), resumed = stage2("resumed2");
  run(straight);
  run_until(resumed, 2);
  EXPECT_EQ(run(resumed), 3);
  expect_same(straight, resumed);
}

TEST_F(RunTest, T5LearnsWithAndWithoutSplitCaptionsAndResumes) {
  const fs::path language = t5();
  const auto stage2 = [&](const std::string& output, const std::string& prefix_lm) {
    TrainConfig two = stage2_config(output, "blip2_t5", language);
    two.run.prefix_lm = prefix_lm;
    return two;
  };
  const TrainConfig straight = stage2("straight2", "split"), resumed = stage2("resumed2", "split");
  TrainConfig whole = stage2("whole2", "none");
  whole.run.max_steps = 1;
  run(straight);
  run_until(resumed, 2);
  EXPECT_EQ(run(resumed), 3);
  expect_same(straight, resumed);
  run(whole);
  EXPECT_NE(read_log(fs::path(straight.run.output_dir) / "log.jsonl")[0].loss,
            read_log(fs::path(whole.run.output_dir) / "log.jsonl")[0].loss);

  // The directory said gated-gelu, which is the approximation.
  EXPECT_EQ(saved(straight, "config.json")["text_config"]["dense_act_fn"], "gelu");
  EXPECT_FALSE(saved(straight, "config.json")["use_decoder_only_language_model"].get<bool>());
  const Bundle bundle = load_bundle(fs::path(straight.run.output_dir) / "model");
  EXPECT_EQ(Json::parse(bundle.text_json).at("dense_act_fn"), "gelu");
}

TEST_F(RunTest, OptLearnsToEndALineAsInLavis) {
  const TrainConfig two = stage2_config("stage2", "blip2_opt", opt());
  run(two);
  const Bundle bundle = load_bundle(fs::path(two.run.output_dir) / "model");
  const int64_t line_feed = bundle.text_tokenizer->encode("\n", Specials::kWithout).at(0);
  EXPECT_NE(line_feed, bundle.text_tokenizer->special_ids().eos);
  EXPECT_EQ(caption_end_id(bundle), line_feed);
  EXPECT_EQ(saved(two, "config.json")["text_config"]["eos_token_id"], line_feed);
  EXPECT_EQ(saved(two, "generation_config.json")["eos_token_id"], line_feed);
}

TEST_F(RunTest, AQwen2TrainsAndItsModelReloads) {
  const TrainConfig two = stage2_config("stage2", "blip2_qwen2", qwen2());
  run(two);
  const Bundle bundle = load_bundle(fs::path(two.run.output_dir) / "model");
  EXPECT_EQ(bundle.language_family, "qwen2");
  EXPECT_EQ(saved(two, "config.json")["text_config"]["model_type"], "qwen2");
  EXPECT_EQ(caption_end_id(bundle), 500);
}

TEST_F(RunTest, TheLanguageModelMustBeOfItsArchitecture) {
  const TrainConfig two = stage2_config("stage2", "blip2_t5", opt());
  try {
    run(two);
    ADD_FAILURE() << "an OPT was taken for a T5";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("expected t5 for model.arch blip2_t5, found opt"),
              std::string::npos)
        << error.what();
  }
}

TEST_F(RunTest, AnUnusablePictureIsSkippedAndRecorded) {
  write_file_atomic(folder_ / "3.png", "no picture");
  TrainConfig skipping = config("skipping");
  skipping.run.max_steps = 3;
  skipping.run.max_skipped_fraction = 0.2;
  run(skipping);
  const std::string skipped = read_file(fs::path(skipping.run.output_dir) / "skipped.jsonl");
  EXPECT_NE(skipped.find("\"k3\""), std::string::npos);
  skipping.run.max_skipped_fraction = 0.01;
  skipping.run.output_dir = (folder_ / "refusing").string();
  EXPECT_THROW(run_training(LoadedTrainConfig(skipping, "test")), Error);
}

}  // namespace
}  // namespace blip2
