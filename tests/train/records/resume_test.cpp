// A run that resumes knows its data again, continues at the sample where it stopped, and says what
// changes its numbers and nothing else.
#include "blip2/train/records/resume.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>

#include "blip2/train/config/keys.h"
#include "blip2/train/records/settings.h"
#include "blip2/train/records/snapshot.h"
#include "tests/train/support.h"

namespace blip2 {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::log_of;
using ::testing::Not;
using testing::run_in;
using testing::TemporaryFolder;
using testing::ToyStage;

/// Takes places of epochs as Stage1Training takes samples, and notes them.
class PlacesStage final : public Stage {
 public:
  explicit PlacesStage(const EpochShape& shape) : toy_(7), shape_(shape) { toy_.seek({}); }
  std::vector<NamedTensor> trained_tensors() override { return toy_.trained_tensors(); }
  void seek(const DataPosition& position) override {
    plan_.emplace(shape_, position);
    batch_ = position.batches;
  }
  StepOutput run_batch(const StepContext& context) override {
    for (int64_t item = 0; item < shape_.batch_size; ++item) {
      places.push_back(plan_->stream_position(batch_, context.rank, item));
    }
    ++batch_;
    return toy_.run_batch(context);
  }
  void save_model(const fs::path& directory) override { toy_.save_model(directory); }

  std::vector<int64_t> places;

 private:
  ToyStage toy_;
  EpochShape shape_;
  std::optional<BatchPlan> plan_;
  int64_t batch_ = 0;
};

ListFingerprint list_of(int64_t records, uint64_t hash = 5) {
  return {.records = records,
          .entries = records,
          .any_order = hash * static_cast<uint64_t>(records),
          .block = 1,
          .blocks = std::vector<uint64_t>(static_cast<size_t>(records), hash)};
}

class Resume : public ::testing::Test {
 protected:
  Resume() {
    options_.shape = {.places = 40, .batch_size = 4};
    options_.lists = {{"d", list_of(40)}};
    options_.stop_requested = [] { return false; };
    config_.run = run_in(folder_ / "run");
    config_.run.accum_grad_iters = 1;
    config_.run.max_steps = 20;
    config_.run.checkpoint_every = 5;
  }

  /// Runs from where the run is to step `stop`, or to the end, and gives what it said.
  std::string run(std::optional<int64_t> stop = std::nullopt) {
    options_.shape.batch_size = config_.run.batch_size_train;
    options_.stop_after = stop;
    options_.config_yaml = ConfigDocument(config_).to_yaml();
    PlacesStage stage(options_.shape);
    SingleProcess alone;
    error_.clear();
    ::testing::internal::CaptureStderr();
    try {
      train(stage, config_.run, alone, options_);
      places_ = stage.places;
    } catch (const Error& error) {
      error_ = error.what();
      code_ = error.code();
    }
    return without_health(::testing::internal::GetCapturedStderr());
  }

  /// The toy's temperature is none of ITC's.
  static std::string without_health(const std::string& said) {
    std::string kept;
    std::istringstream lines(said);
    for (std::string line; std::getline(lines, line);) {
      if (line.find("temperature") == std::string::npos) kept += line + "\n";
    }
    return kept;
  }

  std::vector<int64_t> epochs() const {
    std::vector<int64_t> epochs;
    for (const LogRow& row : read_log(folder_ / "run" / "log.jsonl")) epochs.push_back(row.epoch);
    return epochs;
  }

  TemporaryFolder folder_;
  TrainConfig config_;
  TrainerOptions options_;
  std::vector<int64_t> places_;
  std::string error_;
  ErrorCode code_ = ErrorCode::kInternal;
};

std::vector<int64_t> numbers(int64_t first, int64_t end) {
  std::vector<int64_t> all(static_cast<size_t>(end - first));
  std::iota(all.begin(), all.end(), first);
  return all;
}

TEST_F(Resume, NothingChangedSaysNothing) {
  run(5);
  EXPECT_THAT(run(), Not(HasSubstr("warning")));
  EXPECT_EQ(places_, numbers(20, 80));
}

TEST_F(Resume, ALargerBatchContinuesAtTheSample) {
  run(5);
  config_.run.batch_size_train = 8;
  const std::string said = run(8);
  std::vector<int64_t> expected = numbers(20, 36);
  for (const int64_t place : numbers(40, 48)) expected.push_back(place);
  EXPECT_EQ(places_, expected);
  EXPECT_THAT(epochs(), ElementsAre(0, 0, 0, 0, 0, 0, 0, 1));
  EXPECT_THAT(said, HasSubstr("warning: a step has 8 samples from step 6 on, 4 before"));
  EXPECT_THAT(said, HasSubstr("epoch 0: 20 of 40 samples are left, 2 batches of 8"));
  EXPECT_THAT(said, HasSubstr("epoch 0: its last 4 samples do not fill a batch and are not seen"));
  // The run that resumes again is the same run.
  EXPECT_THAT(run(9), Not(HasSubstr("warning")));
  EXPECT_EQ(places_, numbers(48, 56));
}

TEST_F(Resume, ASmallerBatchEndsTheEpochLater) {
  run(5);
  config_.run.batch_size_train = 2;
  EXPECT_THAT(run(16), Not(HasSubstr("not seen")));
  EXPECT_EQ(places_, numbers(20, 42));
  EXPECT_EQ(epochs().at(14), 0);
  EXPECT_EQ(epochs().at(15), 1);
}

TEST_F(Resume, AccumulationIsCountedInSamplesToo) {
  run(5);
  config_.run.accum_grad_iters = 3;
  const std::string said = run(7);
  EXPECT_EQ(places_, numbers(20, 44));
  EXPECT_THAT(said, HasSubstr("a step has 12 samples from step 6 on, 4 before"));
  config_.run.accum_grad_iters = 1;
  config_.run.batch_size_train = 12;
  EXPECT_THAT(run(8), HasSubstr("run.batch_size_train: \"12\", and \"4\" in the snapshot"));
  EXPECT_EQ(places_, numbers(44, 56));
}

TEST_F(Resume, EpochsThatAreCountedGiveTheStepsThatAreLeft) {
  config_.run.max_steps.reset();
  config_.run.max_epoch = 2;
  run(5);
  config_.run.batch_size_train = 8;
  EXPECT_THAT(run(), HasSubstr("resuming after step 5 of 12"));  // 2 of epoch 0, 5 of epoch 1
  EXPECT_EQ(places_.back(), 79);
  EXPECT_EQ(epochs().size(), 12u);
  // Finished, whatever the batch is.
  config_.run.batch_size_train = 2;
  EXPECT_THAT(run(), HasSubstr("finished after 12 steps"));
}

TEST_F(Resume, LavisRatesFollowTheEpochThatTheSampleIsIn) {
  config_.run.recipe = "lavis";
  config_.run.max_steps.reset();
  config_.run.max_epoch = 2;
  config_.run.warmup_steps = 100;
  run(5);
  config_.run.batch_size_train = 8;
  run();
  const std::vector<LogRow> rows = read_log(folder_ / "run" / "log.jsonl");
  // Epoch 0 has batches 0 to 4 of 4 samples, then 5 and 6 of 8; epoch 1 is half of the cosine.
  EXPECT_NEAR(rows.at(6).lr, 0.001 + (0.05 - 0.001) * 6 / 100, 1e-12);
  EXPECT_NEAR(rows.at(7).lr, 0.03, 1e-12);
}

TEST_F(Resume, OtherDataAreRefusedWithWhatDiffers) {
  run(5);
  const std::vector<std::string> before = log_of(folder_ / "run");
  options_.lists = {{"d", list_of(60)}};
  options_.shape.places = 60;
  run();
  EXPECT_EQ(code_, ErrorCode::kInvalidArgument);
  EXPECT_EQ(error_,
            "the data are not those of the snapshot of step 5: datasets.d has 60 records instead "
            "of 40; the first 40 records are the same; --resume-changed-data resumes with them, "
            "--resume never starts anew");
  options_.lists = {{"e", list_of(40)}};
  run();
  EXPECT_THAT(error_, HasSubstr("datasets.e is new, with 40 records; datasets.d, with 40 records, "
                                "is gone"));
  EXPECT_EQ(log_of(folder_ / "run"), before);
}

TEST_F(Resume, OtherDataAreTakenWhereTheUserSaysSo) {
  run(5);
  options_.lists = {{"d", list_of(60)}};
  options_.shape.places = 60;
  options_.changed_data = ChangedData::kTaken;
  const std::string said = run(15);
  EXPECT_THAT(said, HasSubstr("warning: the data are not those of the snapshot of step 5"));
  EXPECT_THAT(said, HasSubstr("epoch 0: of the 20 samples that it has seen, some may come again"));
  EXPECT_EQ(places_, numbers(20, 60));
  options_.changed_data = ChangedData::kRefused;  // the snapshot knows the new list
  EXPECT_THAT(run(16), Not(HasSubstr("warning")));
  EXPECT_EQ(places_, numbers(60, 64));
  // Fewer than the epoch has seen: it ends.
  options_.changed_data = ChangedData::kTaken;
  options_.lists = {{"d", list_of(3)}};
  options_.shape.places = 4;
  run(17);
  EXPECT_EQ(places_, numbers(8, 12));  // epoch 2
}

TEST_F(Resume, AFinishedRunIsLeftAloneWhateverTheData) {
  run();
  options_.lists = {{"d", list_of(60)}};
  options_.shape.places = 60;
  EXPECT_THAT(run(), HasSubstr("nothing to do"));
  EXPECT_EQ(error_, "");
}

TEST_F(Resume, OnlySettingsThatDecideNumbersAreReported) {
  run(5);
  config_.run.num_workers = 3;
  config_.run.log_every = 2;
  config_.run.checkpoint_every = 7;
  config_.run.keep_checkpoints = 9;
  config_.run.max_bad_steps = 5;
  config_.run.rank_timeout_s = 5;
  config_.run.max_skipped_fraction = 0.5;
  config_.model.use_grad_checkpoint = true;
  EXPECT_THAT(run(6), Not(HasSubstr("warning")));
  config_.run.init_lr = 0.04;
  config_.run.drop_rate = 0.3;
  const std::string said = run(7);
  EXPECT_THAT(said, HasSubstr("run.init_lr: \"0.04\", and \"0.05\" in the snapshot of step 6: the "
                              "learning rate follows the new schedule from step 7 on"));
  EXPECT_THAT(said, HasSubstr("run.drop_rate: \"0.3\", and \"0.1\" in the snapshot of step 6: it "
                              "holds from step 7 on"));
  config_.run.seed = 43;
  EXPECT_THAT(run(8),
              HasSubstr("epoch 0: of the 28 samples that it has seen, some may come again"));
}

TEST_F(Resume, ASnapshotOfFormat1ContinuesAtTheSample) {
  run(5);
  const fs::path state = folder_ / "run/checkpoints/step-000000005/state.json";
  nlohmann::ordered_json json = nlohmann::ordered_json::parse(read_file(state));
  json.erase("checksum");
  json.erase("data");
  json["format"] = 1;
  json["num_ranks"] = 1;
  json["batches_per_epoch"] = 10;
  json["num_stretches"] = 1;
  json["checksum"] = checksum(json.dump());
  write_file_atomic(state, json.dump());
  fs::copy(folder_ / "run", folder_ / "copy", fs::copy_options::recursive);
  EXPECT_THAT(run(6), Not(HasSubstr("warning")));
  EXPECT_EQ(places_, numbers(20, 24));
  config_.run.output_dir = (folder_ / "copy").string();
  config_.run.batch_size_train = 8;
  run(6);
  EXPECT_EQ(places_, numbers(20, 28));
  config_.run.batch_size_train = 4;
  options_.shape.places = 60;
  options_.resume = (folder_ / "copy/checkpoints/step-000000005").string();
  run(6);
  EXPECT_THAT(error_, HasSubstr("an epoch has 60 samples instead of 40"));
}

TEST(Settings, APathToTheSameFileIsTheSame) {
  const TemporaryFolder folder;
  folder.write("encoder", "x");
  folder.write("other", "y");
  const auto key = [](const fs::path& path) {
    return Settings{{"model.image_encoder", path.string()}};
  };
  EXPECT_TRUE(changed_settings(key(folder / "encoder"), key(folder / "./encoder")).empty());
  EXPECT_EQ(changed_settings(key(folder / "encoder"), key(folder / "other")).size(), 1u);
  const auto images = [](const std::string& path, const std::string& augment) {
    return Settings{{"datasets.x.images", path}, {"datasets.x.augment", augment}};
  };
  EXPECT_TRUE(changed_settings(images("a", "none"), images("b", "none")).empty());
  EXPECT_EQ(changed_settings(images("a", "cutout"), images("b", "cutout")).size(), 1u);
  EXPECT_EQ(
      changed_settings({{"datasets.x.feature_cache", ""}}, {{"datasets.x.feature_cache", "b"}})
          .size(),
      1u);
}

}  // namespace
}  // namespace blip2
