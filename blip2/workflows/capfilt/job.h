// A CapFilt job: bootstrapped captions for any number of shards, by any number of workers that
// share a folder. A worker may be stopped at any instant; a worker that is started with the same
// configuration resumes the job.
#pragma once

#include <c10/core/Device.h>

#include <functional>
#include <string>

#include "blip2/ranks/shared_counter.h"
#include "blip2/workflows/capfilt/config.h"
#include "blip2/workflows/capfilt/outcome.h"

namespace blip2 {

/// Takes part in the job and returns when all of its shards are done, by this worker or others. The
/// folder then holds captions.json, failures.jsonl and summary.json. Shards are taken in the order
/// of `counter`; after that, those that other workers held and lost. `failed` is called for each of
/// this worker's records that failed. `config` is resolved; models are on `device`. Throws
/// kInterrupted (the shard in work is given back), kInvalidArgument for another job's folder,
/// kUnavailable for one that cannot be written, and as CapFiltInputs, load_bundle() and CapFilt.
CapFiltOutcome run_capfilt(
    LoadedCapFiltConfig& config, at::Device device, SharedCounter& counter,
    const std::function<void(const std::string& name, const std::string& reason)>& failed);

}  // namespace blip2
