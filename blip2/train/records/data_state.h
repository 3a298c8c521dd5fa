// What a snapshot knows of the run's data: the position in samples, and what the data sets list.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "blip2/data/batch_plan.h"
#include "blip2/data/listing.h"

namespace blip2 {

/// What a data set lists.
struct DataList {
  std::string name;
  ListFingerprint list;
};

struct DataState {
  EpochShape shape;
  DataPosition position;
  std::vector<DataList> lists;  ///< on rank 0; empty: not known
};

/// The position as snapshots of format 1 have it. They do not know the lists.
struct PositionInBatches {
  int64_t batches = 0;  ///< taken by each rank since the start of the run
  int64_t num_ranks = 1;
  int64_t batches_per_epoch = 0;  ///< 0: not known
  int64_t num_ranges = 0;         ///< that an epoch of shards was divided into; 0: num_ranks
};

/// The same position in a run whose ranks had batches of `batch_size`. Where its epochs were of
/// another number of batches than the places of `now` make, they had as many places as those had.
DataState data_state_of(const PositionInBatches& position, int64_t batch_size,
                        const EpochShape& now);

/// As JSON on one line.
std::string to_json(const DataState& state);
/// Throws kCorruptData with `where` in front.
DataState parse_data_state(std::string_view json, const std::string& where);

/// How the data sets' lists differ, each set in words that name it; empty: they do not.
std::vector<std::string> differences(const std::vector<DataList>& before,
                                     const std::vector<DataList>& now);

}  // namespace blip2
