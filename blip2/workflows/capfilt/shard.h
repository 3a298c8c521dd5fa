// One shard of a CapFilt job, from the input's records to the output's files. Choosing the shard
// and holding its lease are the responsibility of the job.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "blip2/workflows/capfilt/counts.h"
#include "blip2/workflows/capfilt/folder.h"
#include "blip2/workflows/capfilt/inputs.h"

namespace blip2 {

/// What captioning a shard needs. All references must outlive the call.
struct ShardWorkshop {
  const CapFiltConfig& config;
  const CapFiltInputs& inputs;
  const CapFilt& capfilt;
  const CapFiltFolder& folder;
  std::string worker;                ///< for the shard's state
  std::function<bool()> still_ours;  ///< whether this worker holds the shard; asked each batch
  /// Called after each batch with the records so far and in all.
  std::function<void(int64_t done, int64_t total)> progress;
  /// Called for each record that failed, once its shard is done.
  std::function<void(const std::string& name, const std::string& reason)> failed;
};

/// Captions a shard. Its files appear whole, and its state last: until then it is not done. The
/// files depend on the input and the options alone. Returns false, and leaves no file, where
/// another worker has taken the shard. Throws kInterrupted, kUnavailable where files cannot be
/// written, and as Shard's constructor for a missing input.
bool caption_shard(const ShardWorkshop& workshop, int64_t number);

}  // namespace blip2
