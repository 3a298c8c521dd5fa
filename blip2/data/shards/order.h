// The order of an epoch over sources that are read shard by shard: shards are permuted, then the
// records of each window of some ten thousand among themselves. Its state is a few numbers a shard;
// what comes at a place is computed from seed, epoch and place, so that nothing needs to be
// replayed to resume.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace blip2 {

/// Places shuffled among themselves: some ten shards' worth, so that as many are open at a time.
inline constexpr int64_t kShuffleWindow = 1 << 16;

/// What the order needs to know of a source.
struct OrderedPart {
  int64_t size = 0;                  ///< records
  int64_t places = 0;                ///< in an epoch
  std::vector<int64_t> shard_sizes;  ///< empty: a source that is held in memory
};

struct OrderOptions {
  uint64_t seed = 42;
  bool shuffle = true;
  int64_t epoch = 0;
  int64_t window = kShuffleWindow;
};

/// One way through all records of a source, each once: shard by shard, the shards permuted.
class SourcePass {
 public:
  /// Pass `pass` of part `part`. A source without shards is permuted record by record, with
  /// `shuffle` false nothing is.
  SourcePass(const OrderedPart& source, const OrderOptions& options, int64_t part, int64_t pass);
  /// The record at `place` of {0, ..., size - 1}.
  int64_t record(int64_t place) const;

 private:
  std::vector<int64_t> records_;      // of a source without shards, shuffled
  std::vector<int64_t> first_place_;  // of each shard in the pass's order
  std::vector<int64_t> first_record_;
};

/// The places of one epoch. A source with a ratio other than 1 continues where the epoch before
/// stopped, so that no record is ever more than one pass ahead of another.
class ShardedOrder {
 public:
  ShardedOrder(const std::vector<OrderedPart>& parts, const OrderOptions& options);

  struct Item {
    int64_t part = 0;
    int64_t record = 0;
  };
  /// What comes at `place` of the epoch. Thread-safe.
  Item at(int64_t place) const;

 private:
  struct Stream {
    int64_t size = 0;
    int64_t places = 0;
    int64_t first = 0;  // of the endless stream of passes
    std::vector<SourcePass> passes;
  };

  int64_t window_start(int64_t window) const;
  int64_t items_before(size_t part, int64_t place) const;
  Item item(size_t part, int64_t number) const;

  OrderOptions options_;
  int64_t places_ = 0;
  int64_t num_windows_ = 1;
  size_t largest_ = 0;  // the part that takes what rounding leaves
  std::vector<Stream> streams_;
};

}  // namespace blip2
