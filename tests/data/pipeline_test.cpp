// The laws of the stream: the same at any number of workers, after any resume, and with any bad
// records.
#include "blip2/data/pipeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <set>

#include "blip2/base/error.h"
#include "blip2/data/record_identity.h"
#include "tests/data/memory_source.h"

namespace blip2 {
namespace {

using testing::HasSubstr;

PipelineConfig config_with(int num_workers) {
  PipelineConfig config;
  config.seed = 5;
  config.batch_size = 4;
  config.num_views = 3;
  config.num_workers = num_workers;
  config.max_skipped_fraction = 1;
  return config;
}

/// Puts a draw of the augmentation stream in the pixels, after an uneven wait.
void draw_pixels(Sample& sample) {
  std::this_thread::sleep_for(std::chrono::microseconds(hash_text(sample.key) % 300));
  sample.pixels = {static_cast<float>(sample.augmentation.uniform())};
}

/// All that a batch says, as text.
std::string describe(const Batch& batch) {
  std::string text = fmt::format("{} {}:", batch.index, batch.epoch);
  for (const Sample& sample : batch.samples) {
    text += fmt::format(" [{} {} {} {} {} {}]", sample.position, sample.key, sample.caption,
                        sample.view, sample.pixels.at(0), sample.skipped.size());
  }
  return text;
}

struct Recorded {
  std::vector<std::string> batches;
  std::vector<std::string> skipped;
};

Recorded record(const Mixture& mixture, const PipelineConfig& config, int64_t from, int64_t to) {
  Recorded result;
  Pipeline pipeline(
      mixture, config, draw_pixels,
      [&](const SkippedRecord& record) {
        result.skipped.push_back(record.source + " " + record.key + " " + record.reason);
      },
      {.batches = from});
  while (pipeline.position() < to) result.batches.push_back(describe(pipeline.next()));
  return result;
}

TEST(Pipeline, ContentDoesNotDependOnWorkers) {
  const Mixture mixture = memory_mixture(30, {3, 4, 17});
  const Recorded alone = record(mixture, config_with(0), 0, 25);
  ASSERT_EQ(alone.batches.size(), 25u);
  EXPECT_EQ(alone.skipped.size(), 3u);
  for (const int workers : {1, 4, 9}) {
    const Recorded many = record(mixture, config_with(workers), 0, 25);
    EXPECT_EQ(many.batches, alone.batches) << workers;
    EXPECT_EQ(many.skipped, alone.skipped) << workers;
  }
}

TEST(Pipeline, ResumedEqualsStraight) {
  const Mixture mixture = memory_mixture(30, {3, 4});
  const Recorded straight = record(mixture, config_with(4), 0, 20);
  for (const int64_t at : {1, 6, 7, 8, 15}) {  // an epoch has 7 batches
    const Recorded rest = record(mixture, config_with(4), at, 20);
    EXPECT_EQ(rest.batches, std::vector(straight.batches.begin() + at, straight.batches.end()))
        << at;
  }
}

TEST(Pipeline, AnEpochVisitsEveryRecordOnce) {
  const Mixture mixture = memory_mixture(28);
  Pipeline pipeline(mixture, config_with(4), {});
  ASSERT_EQ(pipeline.batches_per_epoch(), 7);
  std::vector<std::vector<std::string>> orders;
  for (int64_t epoch = 0; epoch < 3; ++epoch) {
    std::vector<std::string>& order = orders.emplace_back();
    for (int i = 0; i < 7; ++i) {
      const Batch batch = pipeline.next();
      EXPECT_EQ(batch.epoch, epoch);
      for (const Sample& sample : batch.samples) order.push_back(sample.key);
    }
    EXPECT_EQ(std::set(order.begin(), order.end()).size(), 28u);
  }
  EXPECT_NE(orders[0], orders[1]);
}

TEST(Pipeline, DropsTheIncompleteBatchAndKeepsFileOrder) {
  const Mixture mixture = memory_mixture(10);
  PipelineConfig config = config_with(2);
  config.shuffle = false;
  Pipeline pipeline(mixture, config, {});
  for (int epoch = 0; epoch < 2; ++epoch) {
    for (int first : {0, 4}) {
      const Batch batch = pipeline.next();
      for (int i = 0; i < 4; ++i)
        EXPECT_EQ(batch.samples[static_cast<size_t>(i)].key, fmt::format("m{}", first + i));
    }
  }
  EXPECT_EQ(pipeline.position(), 4);
}

TEST(Pipeline, DrawsCaptionsAndViewsAndVariesByEpoch) {
  const Mixture mixture = memory_mixture(40);
  Pipeline pipeline(mixture, config_with(2), draw_pixels);
  std::map<char, int> captions;
  std::map<int64_t, int> views;
  std::map<std::string, std::set<float>> augmentations;
  for (int i = 0; i < 60; ++i) {
    for (const Sample& sample : pipeline.next().samples) {
      ++captions[sample.caption.back()];
      ++views[sample.view];
      augmentations[sample.key].insert(sample.pixels[0]);
      Record record;
      record.key = sample.key;
      const Random expected(5, "augment",
                            hash_text(within_data_set("memory", record_identity(record))),
                            static_cast<uint64_t>(sample.epoch));
      EXPECT_FLOAT_EQ(sample.pixels[0], static_cast<float>(Random(expected).uniform()));
    }
  }
  for (const char drawn : {'0', '1', '2'})
    EXPECT_GT(captions[drawn], 50) << drawn;  // 80 expected of 240
  for (const int64_t view : {0, 1, 2}) EXPECT_GT(views[view], 50);
  EXPECT_EQ(views.size(), 3u);
  EXPECT_EQ(augmentations["m7"].size(), 6u);  // once in each of 6 epochs
}

TEST(Pipeline, RanksDivideTheGlobalBatch) {
  const Mixture mixture = memory_mixture(48);
  PipelineConfig whole = config_with(0);
  whole.batch_size = 12;
  PipelineConfig part = config_with(2);
  part.num_ranks = 3;
  std::vector<std::unique_ptr<Pipeline>> ranks;
  for (part.rank = 0; part.rank < 3; ++part.rank)
    ranks.push_back(std::make_unique<Pipeline>(mixture, part, draw_pixels));
  Pipeline one(mixture, whole, draw_pixels);
  for (int i = 0; i < 10; ++i) {
    std::vector<std::string> together;
    for (auto& rank : ranks) {
      for (const Sample& sample : rank->next().samples)
        together.push_back(sample.key + sample.caption);
    }
    std::vector<std::string> expected;
    for (const Sample& sample : one.next().samples) expected.push_back(sample.key + sample.caption);
    EXPECT_EQ(together, expected);
  }
}

TEST(Pipeline, ABadRecordIsReplacedByTheNextInOrder) {
  const Mixture mixture = memory_mixture(8, {2, 3});
  PipelineConfig config = config_with(2);
  config.shuffle = false;
  std::vector<std::string> skipped;
  Pipeline pipeline(mixture, config, {}, [&](const SkippedRecord& record) {
    skipped.push_back(record.key + "|" + record.reason);
  });
  std::vector<std::string> keys;
  for (int i = 0; i < 4; ++i) {
    for (const Sample& sample : pipeline.next().samples) keys.push_back(sample.key);
  }
  const std::vector<std::string> epoch = {"m0", "m1", "m4", "m4", "m4", "m5", "m6", "m7"};
  EXPECT_TRUE(std::equal(epoch.begin(), epoch.end(), keys.begin()));
  EXPECT_TRUE(std::equal(epoch.begin(), epoch.end(), keys.begin() + 8));
  EXPECT_THAT(skipped,
              testing::ElementsAre("record 2|m2 is broken", "record 3|m3 is broken"));  // once each
}

TEST(Pipeline, EmptyCaptionsAndTheLoadersErrorsSkip) {
  const Mixture mixture = memory_mixture(8);
  PipelineConfig config = config_with(3);
  config.shuffle = false;
  config.clean_caption = [](const std::string& caption) {
    return caption.front() == '1' ? " " : "<" + caption + ">";
  };
  std::vector<std::string> skipped;
  Pipeline pipeline(
      mixture, config,
      [](Sample& sample) {
        if (sample.key == "m3") fail(ErrorCode::kNotFound, "no such picture");
      },
      [&](const SkippedRecord& record) {
        skipped.push_back(record.source + "|" + record.key + "|" + record.reason);
      });
  const Batch batch = pipeline.next();
  EXPECT_EQ(batch.samples[1].key, "m2");
  EXPECT_EQ(batch.samples[1].caption.front(), '<');
  EXPECT_EQ(batch.samples[3].key, "m4");
  EXPECT_THAT(skipped,
              testing::ElementsAre("memory|m1|empty caption", "memory|m3|no such picture"));
}

std::string message_of(Pipeline& pipeline, int batches) {
  try {
    for (int i = 0; i < batches; ++i) pipeline.next();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "no error";
}

/// Every other record has a question.
class QuestionSource : public MemorySource {
 public:
  QuestionSource() : MemorySource("q", 8, {}, 1) {}
  Record record(int64_t index) const override {
    Record record = MemorySource::record(index);
    if (index % 2 == 0) record.question = "WHY?";
    return record;
  }
};

TEST(Pipeline, AnAnswerStaysAsItIsAndARecordWithoutQuestionIsSkipped) {
  std::vector<MixturePart> parts;
  parts.push_back({.name = "memory", .source = std::make_unique<QuestionSource>()});
  const Mixture mixture(std::move(parts));
  PipelineConfig config = config_with(2);
  config.clean_caption = [](const std::string& text) { return text + "!"; };
  config.clean_question = [](const std::string&) { return std::string("why?"); };
  Pipeline both(mixture, config, {});
  for (const Sample& sample : both.next().samples) {
    const bool asked = !sample.question.empty();
    EXPECT_EQ(sample.question, asked ? "why?" : "");
    EXPECT_EQ(sample.caption.ends_with("!"), !asked);
  }
  config.needs_question = true;
  std::set<std::string> reasons;
  Pipeline asked(mixture, config, {},
                 [&](const SkippedRecord& record) { reasons.insert(record.reason); });
  for (int i = 0; i < 4; ++i) {
    for (const Sample& sample : asked.next().samples) EXPECT_EQ(sample.question, "why?");
  }
  EXPECT_EQ(reasons, std::set<std::string>{"no question"});
}

TEST(Pipeline, TooManySkippedRecordsAreAnError) {
  const Mixture mixture = memory_mixture(40, {10, 20, 30});
  PipelineConfig config = config_with(2);
  config.max_skipped_fraction = 3.0 / 40;
  Pipeline enough(mixture, config, {});
  EXPECT_EQ(message_of(enough, 20), "no error");
  config.max_skipped_fraction = 0.07;
  Pipeline too_few(mixture, config, {});
  const std::string message = message_of(too_few, 20);
  EXPECT_THAT(message,
              HasSubstr("3 of 40 records cannot be used, more than max_skipped_fraction 0.07"));
  EXPECT_EQ(message_of(too_few, 1), message);  // broken for good
}

TEST(Pipeline, NothingUsableIsAnError) {
  const Mixture mixture = memory_mixture(8, {0, 1, 2, 3, 4, 5, 6, 7});
  for (const int workers : {0, 3}) {
    Pipeline pipeline(mixture, config_with(workers), {});
    EXPECT_THAT(message_of(pipeline, 1), HasSubstr("none of 8 records"));
  }
}

TEST(Pipeline, AWorkersExceptionReachesTheConsumerAtItsBatch) {
  const Mixture mixture = memory_mixture(40);
  PipelineConfig config = config_with(4);
  config.shuffle = false;
  Pipeline pipeline(mixture, config, [](Sample& sample) {
    if (sample.key == "m13") throw std::runtime_error("first");
    if (sample.key == "m14") fail(ErrorCode::kInternal, "second");
  });
  for (int i = 0; i < 3; ++i) EXPECT_NO_THROW(pipeline.next());
  EXPECT_EQ(message_of(pipeline, 1), "first");
  EXPECT_EQ(pipeline.position(), 3);
}

TEST(Pipeline, LoadsAheadOnlySoFarAndStopsPromptly) {
  const Mixture mixture = memory_mixture(400);
  std::atomic<int> loaded = 0;
  PipelineConfig config = config_with(4);
  config.prefetch_batches = 3;
  const auto start = std::chrono::steady_clock::now();
  {
    Pipeline pipeline(mixture, config, [&](Sample&) { ++loaded; });
    while (loaded < 12) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_EQ(loaded, 12);  // the queue is full: workers wait
    pipeline.next();
    while (loaded < 16) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(loaded, 16);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST(Pipeline, RefusesImpossibleSettings) {
  const Mixture mixture = memory_mixture(3);
  EXPECT_THROW(Pipeline(mixture, config_with(1), {}), Error);  // 3 records fill no batch of 4
  PipelineConfig config = config_with(1);
  config.batch_size = 0;
  EXPECT_THROW(Pipeline(mixture, config, {}), Error);
}

}  // namespace
}  // namespace blip2
