// One shard of a CapFilt job, from the input's records to the output's files. Which shard, and
// whether it is this worker's, is the job's affair.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "blip2/workflows/capfilt/counts.h"
#include "blip2/workflows/capfilt/folder.h"
#include "blip2/workflows/capfilt/inputs.h"

namespace blip2 {

/// What the work on shards needs; all of it outlives the work.
struct ShardWorkshop {
  const CapFiltConfig& config;
  const CapFiltInputs& inputs;
  const CapFilt& capfilt;
  const CapFiltFolder& folder;
  std::string worker;                ///< for the shard's state
  std::function<bool()> still_ours;  ///< whether the shard is; asked now and then
  /// Told after each batch: records so far, and of how many.
  std::function<void(int64_t done, int64_t total)> progress;
  /// Told of each record that failed, once its shard is done.
  std::function<void(const std::string& name, const std::string& reason)> failed;
};

/// Captions a shard. Its files appear whole, the state last: until then it is not done. Files
/// depend on the input and the options alone. Returns false where the shard has become another's,
/// and then leaves nothing behind. Throws kInterrupted; kUnavailable where files cannot be written;
/// as Shard's constructor where the input is not there.
bool caption_shard(const ShardWorkshop& workshop, int64_t number);

}  // namespace blip2
