// The order of an epoch over several sources.
#include "blip2/data/mixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "blip2/base/random.h"
#include "tests/data/memory_source.h"

namespace blip2 {
namespace {

Mixture mixture_of(const std::vector<std::pair<int64_t, double>>& sizes_and_ratios) {
  std::vector<MixturePart> parts;
  for (const auto& [size, ratio] : sizes_and_ratios) {
    const std::string name(1, static_cast<char>('a' + static_cast<char>(parts.size())));
    parts.push_back({.name = name,
                     .source = std::make_unique<MemorySource>(name, size),
                     .sample_ratio = ratio});
  }
  return Mixture(std::move(parts));
}

std::vector<RecordAddress> addresses(const Mixture& mixture, bool shuffle, int64_t epoch,
                                     uint64_t seed = 1) {
  const EpochOrder order = mixture.order(seed, shuffle, epoch);
  std::vector<RecordAddress> all;
  for (int64_t place = 0; place < mixture.epoch_size(); ++place) all.push_back(order.at(place));
  return all;
}

std::map<RecordAddress, int> counts(const std::vector<RecordAddress>& all) {
  std::map<RecordAddress, int> result;
  for (const RecordAddress& address : all) ++result[address];
  return result;
}

TEST(Mixture, RatioOneVisitsEveryRecordOnce) {
  const Mixture mixture = mixture_of({{5, 1}, {8, 1}});
  EXPECT_EQ(mixture.epoch_size(), 13);
  EXPECT_EQ(mixture.num_records(), 13);
  for (int64_t epoch = 0; epoch < 3; ++epoch) {
    const auto seen = counts(addresses(mixture, true, epoch));
    EXPECT_EQ(seen.size(), 13u);
  }
  EXPECT_NE(addresses(mixture, true, 0), addresses(mixture, true, 1));
  EXPECT_NE(addresses(mixture, true, 0, 1), addresses(mixture, true, 0, 2));
  EXPECT_EQ(addresses(mixture, true, 1), addresses(mixture, true, 1));
}

TEST(Mixture, OneSourceFollowsTheShuffleStream) {
  const Mixture mixture = mixture_of({{9, 1}});
  const std::vector<int64_t> expected = Random(1, "shuffle", 4).permutation(9);
  const auto order = addresses(mixture, true, 4);
  for (size_t place = 0; place < order.size(); ++place)
    EXPECT_EQ(order[place].index, expected[place]);
}

TEST(Mixture, WithoutShuffleTheFilesOrder) {
  const auto order = addresses(mixture_of({{2, 1}, {3, 1}}), false, 7);
  EXPECT_THAT(order,
              testing::ElementsAre(RecordAddress{0, 0}, RecordAddress{0, 1}, RecordAddress{1, 0},
                                   RecordAddress{1, 1}, RecordAddress{1, 2}));
}

TEST(Mixture, RatiosScaleASourcesShareAndNoRecordFallsBehind) {
  const Mixture mixture = mixture_of({{10, 2}, {7, 0.3}, {4, 1}});
  EXPECT_EQ(mixture.epoch_size(), 20 + 2 + 4);
  for (const bool shuffle : {true, false}) {
    std::map<RecordAddress, int> total;
    for (int64_t epoch = 0; epoch < 9; ++epoch) {
      for (const auto& [address, count] : counts(addresses(mixture, shuffle, epoch)))
        total[address] += count;
      for (int64_t i = 0; i < 10; ++i) EXPECT_EQ((total[{0, i}]), 2 * (epoch + 1));
      for (int64_t i = 0; i < 7; ++i) {
        EXPECT_LE(std::abs(total[{1, i}] - static_cast<double>(2 * (epoch + 1)) / 7), 1);
      }
      for (int64_t i = 0; i < 4; ++i) EXPECT_EQ((total[{2, i}]), epoch + 1);
    }
  }
}

TEST(Mixture, RefusesWhatCannotBeMixed) {
  EXPECT_THROW(mixture_of({}), Error);
  EXPECT_THROW(mixture_of({{0, 1}}), Error);
  EXPECT_THROW(mixture_of({{3, 0}}), Error);
  EXPECT_THROW(mixture_of({{3, -1}}), Error);
  EXPECT_THROW(mixture_of({{3, std::nan("")}}), Error);
}

}  // namespace
}  // namespace blip2
