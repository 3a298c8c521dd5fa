// Which places of which epoch each batch of each rank takes: a pure function of how the run divides
// its epochs and of where it starts. Which record is at a place is the responsibility of the
// mixture.
#pragma once

#include <cstdint>
#include <vector>

namespace blip2 {

/// Places [begin, end) of an epoch's order.
struct PlaceRange {
  int64_t begin = 0;
  int64_t end = 0;
  bool operator==(const PlaceRange&) const = default;
};

/// How a run divides an epoch. A last batch that is not full on every rank is dropped.
struct EpochShape {
  int64_t places = 0;  ///< Mixture::epoch_size()
  /// false: ranks take turns inside a global batch. true: each takes a range of the epoch, so that
  /// a shard is read by one rank (two where ranges meet).
  bool is_sharded = false;
  int64_t batch_size = 1;  ///< of one rank
  int64_t num_ranks = 1;
  bool operator==(const EpochShape&) const = default;

  /// Of each rank.
  int64_t batches_per_epoch() const { return places / batch_size / num_ranks; }
};

/// The position of a run in its data.
struct DataPosition {
  int64_t epoch = 0;
  /// What the ranks divide of that epoch, in order and disjoint; empty: all of it. A run that
  /// resumes with another shape divides what was left.
  std::vector<PlaceRange> ranges = {};
  /// Taken by each rank since; more than the ranges hold belong to later epochs.
  int64_t batches = 0;
};

/// The batches of a run that starts at a position.
class BatchPlan {
 public:
  BatchPlan(const EpochShape& shape, DataPosition start);

  // Batches are counted from the start of `start.ranges`: start.batches is the first that is left.

  int64_t epoch_of(int64_t batch) const { return locate(batch).epoch; }
  /// How many batches come before epoch `epoch`.
  int64_t batches_before(int64_t epoch) const;
  /// The place of a sample in the endless stream of epochs: epoch * places + place.
  int64_t stream_position(int64_t batch, int64_t rank, int64_t item) const;

  /// The position after `batches` batches. At the end of an epoch it is the end, not the start of
  /// the next: a smaller batch may still take what a larger one would drop.
  DataPosition position(int64_t batches) const;
  /// What no rank has taken of the epoch of position(batches).
  std::vector<PlaceRange> rest(int64_t batches) const;

 private:
  struct Location {
    int64_t epoch = 0;
    int64_t batch = 0;  // within the epoch's ranges
  };
  Location locate(int64_t batch) const;

  EpochShape shape_;
  DataPosition start_;
  int64_t batches_of_start_ = 0;  // in start_.ranges
};

/// The number of places in ranges.
int64_t count_places(const std::vector<PlaceRange>& ranges);

/// The same position for a run of another shape: what is left of the epoch, to be divided anew.
/// Where an epoch now has another number of places, those that it lost are not left, and those that
/// it gained are.
DataPosition divided_anew(const EpochShape& before, const DataPosition& position, int64_t places);

}  // namespace blip2
