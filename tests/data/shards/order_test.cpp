// The order over shards: each record once, the same whoever asks, and well mixed.
#include "blip2/data/shards/order.h"

#include <gmock/gmock.h>

#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "blip2/base/random.h"
#include "blip2/data/index_permutation.h"

namespace blip2 {
namespace {

OrderedPart sharded(std::vector<int64_t> sizes, double ratio = 1) {
  const int64_t size = std::accumulate(sizes.begin(), sizes.end(), int64_t{0});
  return {size, std::llround(static_cast<double>(size) * ratio), std::move(sizes)};
}

TEST(IndexPermutation, IsOneToOneAndKeyed) {
  for (const int64_t n : {1, 2, 3, 4, 5, 15, 16, 17, 1000, 65'536, 70'001}) {
    std::vector<bool> seen(static_cast<size_t>(n));
    const IndexPermutation permutation(n, 7);
    for (int64_t i = 0; i < n; ++i) {
      const auto to = static_cast<size_t>(permutation(i));
      ASSERT_LT(to, seen.size());
      EXPECT_FALSE(seen[to]) << n << " " << i;
      seen[to] = true;
    }
  }
  int moved = 0;
  for (int64_t i = 0; i < 1000; ++i) {
    moved += IndexPermutation(1000, 1)(i) != IndexPermutation(1000, 2)(i);
  }
  EXPECT_GT(moved, 950);
}

/// Over many keys each element goes to each place equally often: chi-squared of 10 x 10 counts has
/// 81 degrees of freedom here, mean 81 and deviation 13.
TEST(IndexPermutation, IsUniform) {
  constexpr int kKeys = 20'000;
  std::array<std::array<double, 10>, 10> counts{};
  Random keys(1, "test");
  for (int k = 0; k < kKeys; ++k) {
    const IndexPermutation permutation(10, keys.bits());
    for (int64_t i = 0; i < 10; ++i) {
      ++counts[static_cast<size_t>(i)][static_cast<size_t>(permutation(i))];
    }
  }
  double chi_squared = 0;
  for (const auto& row : counts) {
    for (const double count : row)
      chi_squared += std::pow(count - kKeys / 10.0, 2) / (kKeys / 10.0);
  }
  EXPECT_LT(chi_squared, 81 + 4 * 13);
}

std::map<std::pair<int64_t, int64_t>, int> counts(const std::vector<OrderedPart>& parts,
                                                  const OrderOptions& options) {
  const ShardedOrder order(parts, options);
  int64_t places = 0;
  for (const OrderedPart& part : parts) places += part.places;
  std::map<std::pair<int64_t, int64_t>, int> found;
  for (int64_t place = 0; place < places; ++place) {
    const ShardedOrder::Item item = order.at(place);
    ++found[{item.part, item.record}];
  }
  return found;
}

TEST(ShardedOrder, VisitsEachRecordOnceWhateverTheSizes) {
  Random random(3, "sizes");
  for (int trial = 0; trial < 60; ++trial) {
    std::vector<OrderedPart> parts;
    size_t records = 0;
    for (uint64_t part = 0; part <= random.below(4); ++part) {
      std::vector<int64_t> sizes;
      for (uint64_t shard = 0; shard <= random.below(30); ++shard) {
        sizes.push_back(static_cast<int64_t>(random.below(40)));
      }
      sizes.push_back(1);
      OrderedPart made = sharded(sizes);
      if (part == 2) made.shard_sizes.clear();  // a source in memory
      records += static_cast<size_t>(made.size);
      parts.push_back(made);
    }
    for (const int64_t window : {1, 7, 100, 100'000}) {
      for (const bool shuffle : {true, false}) {
        const auto found = counts(parts, {.shuffle = shuffle, .epoch = trial, .window = window});
        EXPECT_EQ(found.size(), records);
        for (const auto& [item, count] : found) EXPECT_EQ(count, 1);
      }
    }
  }
}

TEST(ShardedOrder, RatiosGoOnWhereTheEpochBeforeStopped) {
  const std::vector<OrderedPart> parts = {sharded({4, 6}, 2.5), sharded({3, 9, 8}, 0.3)};
  std::map<std::pair<int64_t, int64_t>, int> total;
  for (int64_t epoch = 0; epoch < 8; ++epoch) {
    for (const auto& [item, count] : counts(parts, {.epoch = epoch, .window = 5})) {
      total[item] += count;
    }
    for (int64_t i = 0; i < 10; ++i) {
      EXPECT_LE(std::abs(total[std::pair(0, i)] - 2.5 * static_cast<double>(epoch + 1)), 1);
    }
    for (int64_t i = 0; i < 20; ++i) {
      EXPECT_LE(std::abs(total[std::pair(1, i)] - 0.3 * static_cast<double>(epoch + 1)), 1);
    }
  }
}

TEST(ShardedOrder, FileOrderWithoutShuffle) {
  const ShardedOrder order({sharded({2, 3}), sharded({2})}, {.shuffle = false, .epoch = 5});
  for (int64_t place = 0; place < 7; ++place) {
    EXPECT_EQ(order.at(place).part, place < 5 ? 0 : 1);
    EXPECT_EQ(order.at(place).record, place < 5 ? place : place - 5);
  }
}

TEST(ShardedOrder, EpochAndSeedChangeShardsAndRecords) {
  const std::vector<OrderedPart> parts = {sharded(std::vector<int64_t>(50, 20))};
  const auto all = [&](uint64_t seed, int64_t epoch) {
    const ShardedOrder order(parts, {.seed = seed, .epoch = epoch, .window = 100});
    std::vector<int64_t> records;
    for (int64_t place = 0; place < 1000; ++place) records.push_back(order.at(place).record);
    return records;
  };
  EXPECT_EQ(all(1, 0), all(1, 0));
  EXPECT_NE(all(1, 0), all(1, 1));
  EXPECT_NE(all(1, 0), all(2, 0));
  // A window of 100 is five shards of 20; inside it the order is random: neighbours are seldom of
  // one shard (19 in 99), and hardly ever follow each other.
  int same_shard = 0, follows = 0;
  const std::vector<int64_t> records = all(1, 0);
  for (size_t i = 1; i < records.size(); ++i) {
    same_shard += records[i] / 20 == records[i - 1] / 20;
    follows += records[i] == records[i - 1] + 1;
  }
  EXPECT_NEAR(same_shard, 190, 60);
  EXPECT_LT(follows, 30);
  for (size_t window = 0; window < 10; ++window) {
    std::set<int64_t> shards;
    for (size_t i = 0; i < 100; ++i) shards.insert(records[window * 100 + i] / 20);
    EXPECT_EQ(shards.size(), 5u);
  }
}

TEST(ShardedOrder, PartsKeepTheirShareInEveryWindow) {
  const std::vector<OrderedPart> parts = {sharded(std::vector<int64_t>(90, 100)),
                                          sharded(std::vector<int64_t>(10, 100))};
  const ShardedOrder order(parts, {.window = 500});
  for (int64_t window = 0; window < 20; ++window) {
    int64_t second = 0;
    for (int64_t i = 0; i < 500; ++i) second += order.at(window * 500 + i).part;
    EXPECT_EQ(second, 50);
  }
}

/// 129 million records in 10,240 shards: a slice of the epoch at each of 16 ranks. The whole epoch,
/// time and memory are bench/shards.cpp's.
TEST(ShardedOrder, AHundredMillionRecordsTakeNumbersAShard) {
  constexpr int64_t kShards = 10'240;
  std::vector<int64_t> sizes(kShards, 129'000'000 / kShards);
  sizes[77] += 129'000'000 % kShards;
  const ShardedOrder order({sharded(sizes)}, {});
  std::set<int64_t> seen, shards;
  for (int64_t rank = 0; rank < 16; ++rank) {
    for (int64_t i = 0; i < 20'000; ++i) {
      const int64_t record = order.at(rank * (129'000'000 / 16) + i).record;
      EXPECT_TRUE(seen.insert(record).second);
      shards.insert(record / (129'000'000 / kShards));
    }
  }
  EXPECT_LE(shards.size(), 16u * 14);  // a window is six shards and a bit, and a slice may meet two
}

}  // namespace
}  // namespace blip2
