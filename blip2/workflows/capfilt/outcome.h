// The outcome of a whole CapFilt job, in memory and as summary.json.
#pragma once

#include <cstdint>

#include "blip2/workflows/capfilt/counts.h"
#include "blip2/workflows/capfilt/folder.h"

namespace blip2 {

struct CapFiltOutcome {
  int64_t num_shards = 0;
  CapFiltCounts counts;  ///< of the whole job
  double seconds = 0;    ///< of all workers, added up
};

/// Writes summary.json, which tells every worker that the job is done.
void write_outcome(const CapFiltFolder& folder, const CapFiltOutcome& outcome);

/// The outcome that summary.json holds. Throws kCorruptData.
CapFiltOutcome read_outcome(const CapFiltFolder& folder);

}  // namespace blip2
