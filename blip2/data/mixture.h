// Several sources as one list of records, in the order of an epoch. It holds no state that changes:
// what comes at a place of an epoch is a function of seed, epoch and place.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "blip2/data/shards/order.h"
#include "blip2/data/source.h"

namespace blip2 {

/// A source and how often an epoch goes through it: 1 = every record once (concatenation, as LAVIS
/// does), 2 = twice, 0.5 = every other epoch each record once.
struct MixturePart {
  std::string name;
  std::unique_ptr<Source> source;
  double sample_ratio = 1;
};

/// Names a record: which part of the mixture, which record of its source.
struct RecordAddress {
  int64_t part = 0;
  int64_t index = 0;
  auto operator<=>(const RecordAddress&) const = default;
};

class EpochOrder;

/// The sources of a run. All methods may be called by several threads at once.
class Mixture {
 public:
  /// Throws kInvalidArgument for no part, an empty source, or a ratio that is not above 0.
  explicit Mixture(std::vector<MixturePart> parts);

  /// The number of places in an epoch: the sum of round(size * sample_ratio), each at least 1.
  int64_t epoch_size() const { return epoch_size_; }
  /// The number of sources.
  int64_t num_parts() const { return std::ssize(parts_); }
  const Source& source(int64_t part) const { return *parts_[static_cast<size_t>(part)].source; }
  /// The number of different records.
  int64_t num_records() const;
  const std::string& name(int64_t part) const { return parts_[static_cast<size_t>(part)].name; }
  Record record(RecordAddress address) const;

  /// Whether a source is read shard by shard: then orders take memory by shards, not by records,
  /// and a rank's places are adjacent.
  bool is_sharded() const { return is_sharded_; }

  /// The order of one epoch: Random(seed, "shuffle", epoch)'s permutation of the places; of a
  /// sharded mixture, ShardedOrder's; or file order.
  EpochOrder order(uint64_t seed, bool shuffle, int64_t epoch) const;

 private:
  std::vector<MixturePart> parts_;
  int64_t epoch_size_ = 0;
  bool is_sharded_ = false;
};

/// The records of one epoch in order.
class EpochOrder {
 public:
  /// The record at `place` of {0, ..., epoch_size() - 1}.
  RecordAddress at(int64_t place) const;

 private:
  friend class Mixture;
  struct Span {
    int64_t first_place = 0;       // before shuffling
    std::vector<int64_t> records;  // empty: place - first_place is the record
  };
  std::vector<int64_t> permutation_;  // empty: file order
  std::vector<Span> spans_;
  std::shared_ptr<const ShardedOrder> sharded_;  // null: the two above
};

}  // namespace blip2
