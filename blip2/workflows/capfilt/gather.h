// The end of a CapFilt job: the parts of all shards are joined into the job's files, and the counts
// must add up.
#pragma once

#include <cstdint>

#include "blip2/workflows/capfilt/outcome.h"

namespace blip2 {

/// Writes captions.json (if the job writes blip_json), failures.jsonl, and last summary.json. All
/// shards must be done. Throws kInternal where the files do not hold what was counted.
CapFiltOutcome gather_capfilt(const CapFiltFolder& folder, int64_t num_shards, bool has_captions);

}  // namespace blip2
