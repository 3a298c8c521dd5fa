// The law of the plan: whatever a run's shapes, one after another, it takes every place of an epoch
// once, but for those that fill no batch.
#include "blip2/data/batch_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <span>

#include "blip2/base/random.h"
#include "blip2/data/pipeline.h"
#include "tests/data/memory_source.h"

namespace blip2 {
namespace {

using ::testing::ElementsAre;

/// The stream positions that all ranks take in their batches from `first` to `end`.
std::vector<int64_t> taken(const EpochShape& shape, const DataPosition& start, int64_t end) {
  const BatchPlan plan(shape, start);
  std::vector<int64_t> positions;
  for (int64_t batch = start.batches; batch < end; ++batch) {
    for (int64_t rank = 0; rank < shape.num_ranks; ++rank) {
      for (int64_t item = 0; item < shape.batch_size; ++item) {
        positions.push_back(plan.stream_position(batch, rank, item));
      }
    }
  }
  return positions;
}

TEST(BatchPlan, RanksTakeTurnsOrRanges) {
  EpochShape shape{.places = 13, .is_sharded = false, .batch_size = 2, .num_ranks = 2};
  EXPECT_THAT(taken(shape, {}, 2), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
  EXPECT_THAT(taken(shape, {.batches = 3}, 4), ElementsAre(13, 14, 15, 16));  // epoch 1
  shape.is_sharded = true;
  EXPECT_THAT(taken(shape, {}, 2), ElementsAre(0, 1, 6, 7, 2, 3, 8, 9));
}

TEST(BatchPlan, ABatchSizeOfEightTakesTheTwentyThatFoursLeft) {
  const EpochShape fours{.places = 40, .batch_size = 4};
  const DataPosition at = BatchPlan(fours, {}).position(5);
  EpochShape other = fours;
  other.batch_size = 8;
  const DataPosition eights = divided_anew(fours, at, 40);
  EXPECT_EQ(eights.epoch, 0);
  EXPECT_THAT(eights.ranges, ElementsAre(PlaceRange{20, 40}));
  const BatchPlan plan(other, eights);
  EXPECT_EQ(plan.epoch_of(1), 0);
  EXPECT_EQ(plan.epoch_of(2), 1);
  EXPECT_EQ(plan.batches_before(1), 2);
  EXPECT_EQ(plan.batches_before(3), 12);
  EXPECT_THAT(plan.rest(2), ElementsAre(PlaceRange{36, 40}));
  EXPECT_EQ(plan.stream_position(2, 0, 0), 40);

  other.batch_size = 2;
  const BatchPlan twos(other, divided_anew(fours, at, 40));
  EXPECT_EQ(twos.epoch_of(9), 0);
  EXPECT_EQ(twos.epoch_of(10), 1);
  EXPECT_EQ(twos.stream_position(9, 0, 1), 39);
}

TEST(BatchPlan, AtTheEndOfAnEpochASmallerBatchTakesWhatALargerOneDrops) {
  const EpochShape eights{.places = 44, .batch_size = 8};
  const DataPosition end = BatchPlan(eights, {}).position(5);
  EXPECT_EQ(end.epoch, 0);
  const DataPosition fours = divided_anew(eights, end, 44);
  EXPECT_EQ(fours.epoch, 0);
  EXPECT_THAT(fours.ranges, ElementsAre(PlaceRange{40, 44}));
  // Nothing left: the next epoch.
  const EpochShape whole{.places = 40, .batch_size = 8};
  const DataPosition next = divided_anew(whole, BatchPlan(whole, {}).position(5), 40);
  EXPECT_EQ(next.epoch, 1);
  EXPECT_EQ(next.batches, 0);
}

TEST(BatchPlan, AnEpochOfAnotherLengthKeepsWhatItStillHas) {
  const EpochShape before{.places = 40, .batch_size = 4};
  const DataPosition at{.epoch = 3, .ranges = {}, .batches = 5};
  EXPECT_THAT(divided_anew(before, at, 60).ranges, ElementsAre(PlaceRange{20, 60}));
  EXPECT_THAT(divided_anew(before, at, 30).ranges, ElementsAre(PlaceRange{20, 30}));
  EXPECT_EQ(divided_anew(before, at, 20).epoch, 4);
  EXPECT_TRUE(divided_anew(before, at, 20).ranges.empty());
}

/// Runs of random shapes follow each other, each from where the one before stopped.
void expect_each_place_once(bool is_sharded, uint64_t seed) {
  Random random(seed, "shapes");
  const auto between = [&](int64_t low, int64_t high) {
    return low + static_cast<int64_t>(random.below(static_cast<uint64_t>(high - low + 1)));
  };
  const int64_t places = between(60, 200);
  EpochShape shape{.places = places, .is_sharded = is_sharded};
  DataPosition position;
  std::map<int64_t, int64_t> times;
  int64_t dropped_at_most = 0;
  while (position.epoch < 3) {
    EpochShape other = shape;
    other.batch_size = between(1, 7);
    other.num_ranks = between(1, 4);
    if (other != shape) position = divided_anew(shape, position, places);
    shape = other;
    dropped_at_most = std::max(dropped_at_most, shape.batch_size * shape.num_ranks - 1);
    const BatchPlan plan(shape, position);
    const int64_t end = position.batches + between(1, 9);
    for (const int64_t place : taken(shape, position, end)) ++times[place];
    // Resumed without a change: the same batches.
    const int64_t middle = between(position.batches, end);
    const DataPosition again = plan.position(middle);
    const std::vector<int64_t> straight = taken(shape, position, end + 3);
    const std::vector<int64_t> resumed = taken(shape, again, again.batches + end + 3 - middle);
    EXPECT_TRUE(std::ranges::equal(resumed, std::span(straight).last(resumed.size())));
    position = plan.position(end);
  }
  for (const auto& [place, count] : times) EXPECT_EQ(count, 1) << place;
  for (int64_t epoch = 0; epoch < 3; ++epoch) {
    const auto first = times.lower_bound(epoch * places);
    const auto seen = std::distance(first, times.lower_bound((epoch + 1) * places));
    EXPECT_GE(seen, places - dropped_at_most) << epoch;
  }
}

TEST(BatchPlan, ShapesInARowTakeEachPlaceOnce) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    expect_each_place_once(false, seed);
    expect_each_place_once(true, seed);
  }
}

/// The keys of the batches of all ranks from `start` on, to the end of its epoch.
std::vector<std::string> keys(const Mixture& mixture, PipelineConfig config, DataPosition start,
                              int64_t batches) {
  std::vector<std::string> all;
  for (config.rank = 0; config.rank < config.num_ranks; ++config.rank) {
    Pipeline pipeline(mixture, config, {}, {}, start);
    for (int64_t i = 0; i < batches; ++i) {
      for (const Sample& sample : pipeline.next().samples) {
        all.push_back(sample.key + " " + sample.caption);
      }
    }
  }
  return all;
}

TEST(BatchPlan, AMixtureGivesTheSameSamplesWhateverTheBatches) {
  for (const bool is_sharded : {false, true}) {
    std::vector<MixturePart> parts;
    std::vector<int64_t> shards(is_sharded ? 10 : 0, 6);
    parts.push_back(
        {.name = "a",
         .source = std::make_unique<MemorySource>("a", 60, std::set<int64_t>{7}, 3, shards)});
    parts.push_back({.name = "b",
                     .source = std::make_unique<MemorySource>("b", 24, std::set<int64_t>{2, 20}),
                     .sample_ratio = 1.5});
    const Mixture mixture(std::move(parts));  // 96 places
    PipelineConfig config;
    config.max_skipped_fraction = 1;
    config.batch_size = 4;
    std::vector<std::string> whole = keys(mixture, config, {.epoch = 1}, 24);
    const EpochShape fours{.places = 96, .is_sharded = is_sharded, .batch_size = 4};
    std::vector<std::string> pieces = keys(mixture, config, {.epoch = 1}, 9);
    DataPosition position = divided_anew(fours, {.epoch = 1, .ranges = {}, .batches = 9}, 96);
    config.batch_size = 5;
    config.num_ranks = 2;
    config.num_workers = 2;
    std::ranges::copy(keys(mixture, config, position, 3), std::back_inserter(pieces));
    const EpochShape pairs{.places = 96, .is_sharded = is_sharded, .batch_size = 5, .num_ranks = 2};
    position.batches = 3;
    position = divided_anew(pairs, position, 96);
    config.batch_size = 3;
    config.num_ranks = 1;
    std::ranges::copy(keys(mixture, config, position, 10), std::back_inserter(pieces));
    std::ranges::sort(whole);
    std::ranges::sort(pieces);
    EXPECT_EQ(pieces, whole);
  }
}

}  // namespace
}  // namespace blip2
