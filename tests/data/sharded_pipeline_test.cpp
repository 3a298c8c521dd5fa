// The stream over shards: the laws of the pipeline again, and real pictures byte for byte.
#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "blip2/base/list_files.h"
#include "blip2/data/image_bytes.h"
#include "blip2/data/open_source.h"
#include "blip2/data/pipeline.h"
#include "tests/data/memory_source.h"
#include "tests/support/assets.h"
#include "tests/support/shards.h"

namespace blip2 {
namespace {

using testing::TemporaryFolder;
namespace fs = std::filesystem;

/// 10 shards of 12 records beside a source of 40 in memory.
Mixture mixed() {
  std::vector<MixturePart> parts;
  parts.push_back({.name = "shards",
                   .source = std::make_unique<MemorySource>("s", 120, std::set<int64_t>{17, 90}, 3,
                                                            std::vector<int64_t>(10, 12)),
                   .sample_ratio = 1});
  parts.push_back({.name = "memory",
                   .source = std::make_unique<MemorySource>("m", 40, std::set<int64_t>{3}),
                   .sample_ratio = 2});
  return Mixture(std::move(parts));
}

std::vector<std::string> stream(const Mixture& mixture, int workers, int64_t from, int64_t to) {
  PipelineConfig config;
  config.batch_size = 4;
  config.num_workers = workers;
  config.num_views = 2;
  config.max_skipped_fraction = 1;
  Pipeline pipeline(mixture, config, {}, {}, {.batches = from});
  std::vector<std::string> batches;
  while (pipeline.position() < to) {
    std::string text;
    for (const Sample& sample : pipeline.next().samples) {
      text += fmt::format("{} {} {} {},", sample.position, sample.key, sample.caption, sample.view);
    }
    batches.push_back(text);
  }
  return batches;
}

TEST(ShardedPipeline, DependsOnNeitherWorkersNorResuming) {
  const Mixture mixture = mixed();
  ASSERT_TRUE(mixture.is_sharded());
  const auto alone = stream(mixture, 0, 0, 110);
  EXPECT_EQ(stream(mixture, 5, 0, 110), alone);
  for (const int64_t at : {1, 49, 50, 51, 99}) {  // an epoch has 50 batches
    EXPECT_EQ(stream(mixture, 3, at, 110), std::vector(alone.begin() + at, alone.end())) << at;
  }
}

TEST(ShardedPipeline, RanksHaveStretchesOfTheEpoch) {
  std::vector<MixturePart> parts;
  parts.push_back({.name = "shards",
                   .source = std::make_unique<MemorySource>("", 960, std::set<int64_t>{}, 1,
                                                            std::vector<int64_t>(96, 10)),
                   .sample_ratio = 1});
  const Mixture mixture(std::move(parts));
  const EpochOrder order = mixture.order(42, true, 1);
  for (const int64_t ranks : {1, 2, 16}) {
    PipelineConfig config;
    config.batch_size = 6;
    config.num_workers = 2;
    config.num_ranks = ranks;
    std::set<std::string> seen;
    std::set<int64_t> positions;
    for (config.rank = 0; config.rank < ranks; ++config.rank) {
      Pipeline pipeline(mixture, config, {}, {}, {.batches = 960 / 6 / ranks});  // the second epoch
      for (int64_t batch = 0; batch < pipeline.batches_per_epoch(); ++batch) {
        for (const Sample& sample : pipeline.next().samples) {
          EXPECT_EQ(sample.epoch, 1);
          const auto place = static_cast<int64_t>(seen.size());
          EXPECT_EQ(sample.address, order.at(place));  // rank after rank: the epoch's order
          EXPECT_TRUE(seen.insert(sample.key).second);
          EXPECT_TRUE(positions.insert(sample.position).second);
        }
      }
    }
    EXPECT_EQ(seen.size(), 960u);
    EXPECT_EQ(*positions.begin(), 960);
    EXPECT_EQ(*positions.rbegin(), 1919);
  }
}

/// The pictures of the assets in shards of 500, as img2dataset lays them out.
struct RealShards {
  TemporaryFolder folder;
  std::vector<fs::path> pictures;
  std::map<std::string, size_t> number_of_key;

  RealShards() {
    pictures = list_files(testing::asset("pictures"), {".png"});
    const TemporaryFolder loose;
    for (size_t first = 0; first < pictures.size(); first += 500) {
      std::vector<std::string> names;
      for (size_t i = first; i < std::min(first + 500, pictures.size()); ++i) {
        const std::string key = fmt::format("{:09}", i);
        fs::create_symlink(pictures[i], loose / (key + ".png"));
        const std::string caption = pictures[i].stem().string();
        std::ofstream(loose / (key + ".json"))
            << nlohmann::json({{"caption", caption}, {"key", key}});
        names.push_back(key + ".json");
        names.push_back(key + ".png");
        number_of_key[(folder / fmt::format("{:05}.tar/{}", first / 500, key)).string()] = i;
      }
      testing::pack(folder / fmt::format("{:05}.tar", first / 500), loose.path(), names,
                    first % 1000 == 0 ? "gnu" : "pax");
    }
  }
};

TEST(ShardedPipeline, RealPicturesByteForByteOnceEach) {
  const RealShards real;
  const size_t count = real.pictures.size();
  ASSERT_GT(count, 3000u);
  std::vector<MixturePart> parts;
  parts.push_back({.name = "real",
                   .source = open_source({.name = "real",
                                          .format = "webdataset",
                                          .annotations = {},
                                          .images = real.folder.path()}),
                   .sample_ratio = 1});
  const Mixture mixture(std::move(parts));
  ASSERT_EQ(mixture.epoch_size(), static_cast<int64_t>(count));
  for (const int64_t ranks : {1, 2, 16}) {
    PipelineConfig config;
    config.num_ranks = ranks;
    config.batch_size = static_cast<int64_t>(count) / ranks;  // one batch is a rank's epoch
    config.num_workers = 2;
    config.prefetch_batches = 1;
    std::vector<int> seen(count);
    for (config.rank = 0; config.rank < ranks; ++config.rank) {
      Pipeline pipeline(mixture, config, {});
      for (const Sample& sample : pipeline.next().samples) {
        const size_t number = real.number_of_key.at(sample.key);
        ++seen[number];
        EXPECT_EQ(sample.caption, real.pictures[number].stem().string());
        const ImageBytes image(sample.image, sample.stored);
        const std::string expected = read_file(real.pictures[number]);
        EXPECT_TRUE(std::ranges::equal(image.bytes(), std::as_bytes(std::span(expected))))
            << sample.key;
      }
    }
    const auto once = std::ranges::count(seen, 1);
    EXPECT_EQ(once, static_cast<int64_t>(count) / ranks * ranks);
    EXPECT_EQ(std::ranges::count_if(seen, [](int n) { return n > 1; }), 0);
  }
}

}  // namespace
}  // namespace blip2
