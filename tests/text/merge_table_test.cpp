#include "blip2/text/merge_table.h"

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <random>

namespace blip2 {
namespace {

using Ids = std::vector<uint32_t>;
using Rules = std::map<std::pair<uint32_t, uint32_t>, MergeTable::Merge>;

// The definition: the lowest rank, its leftmost occurrence, one merge at a time.
Ids merge_slowly(Ids ids, const Rules& rules) {
  for (;;) {
    size_t best = ids.size();
    uint32_t best_rank = ~0u;
    for (size_t i = 0; i + 1 < ids.size(); ++i) {
      const auto found = rules.find({ids[i], ids[i + 1]});
      if (found == rules.end() || found->second.rank >= best_rank) continue;
      best = i;
      best_rank = found->second.rank;
    }
    if (best == ids.size()) return ids;
    ids[best] = rules.at({ids[best], ids[best + 1]}).merged_id;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

TEST(MergeTable, EqualsTheDefinition) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    Rules rules;
    uint32_t next_id = 4;
    const uint32_t num_merges = random() % 60;
    MergeTable table(num_merges);
    for (uint32_t rank = 0; rank < num_merges; ++rank) {
      const uint32_t left = random() % next_id, right = random() % next_id;
      const bool fresh =
          rules.emplace(std::pair(left, right), MergeTable::Merge{rank, next_id}).second;
      EXPECT_EQ(table.insert(left, right, {rank, next_id}), fresh);
      next_id += fresh;
    }
    for (int word = 0; word < 20; ++word) {
      Ids ids(random() % 40);
      for (uint32_t& id : ids) id = random() % 4;
      const Ids wanted = merge_slowly(ids, rules);
      table.apply(ids);
      ASSERT_EQ(ids, wanted);
    }
  }
}

TEST(MergeTable, AMillionIdsTakeNoQuadraticTime) {
  MergeTable table(20);  // 0 0 -> 1, 1 1 -> 2, ...
  for (uint32_t rank = 0; rank < 20; ++rank) table.insert(rank, rank, {rank, rank + 1});
  Ids ids(size_t{1} << 20, 0);
  const auto start = std::chrono::steady_clock::now();
  table.apply(ids);
  EXPECT_EQ(ids, Ids{20});
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

}  // namespace
}  // namespace blip2
