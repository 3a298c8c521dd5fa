// Counting finished shards and held leases, and the two forms of the result.
#include "blip2/workflows/capfilt/status.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "blip2/base/json_text.h"
#include "blip2/base/progress.h"
#include "blip2/workflows/capfilt/folder.h"
#include "blip2/workflows/capfilt/lease.h"

namespace blip2 {

CapFiltStatus read_capfilt_status(const std::filesystem::path& output) {
  const CapFiltFolder folder(output);
  const CapFiltFolder::Job job = folder.read_job();
  CapFiltStatus status;
  status.num_shards = job.num_shards;
  for (int64_t shard = 0; shard < job.num_shards; ++shard) {
    if (!folder.is_done(shard)) continue;
    const ShardState state = folder.read_state(shard);
    ++status.done;
    status.counts.add(state.counts);
    status.seconds += state.seconds;
  }
  for (const std::string& name : LeaseFolder::held(folder.leases(), job.lease_s)) {
    if (name.find_first_not_of("0123456789") == std::string::npos) ++status.in_work;
  }
  status.in_work = std::min(status.in_work, status.num_shards - status.done);
  std::error_code error;
  status.is_complete = std::filesystem::exists(folder.summary(), error);
  const int64_t left = status.num_shards - status.done;
  if (left == 0) {
    status.seconds_left = 0;
  } else if (status.done > 0 && status.in_work > 0) {
    status.seconds_left = status.seconds / static_cast<double>(status.done) *
                          static_cast<double>(left) / static_cast<double>(status.in_work);
  }
  return status;
}

std::string describe_candidates(const CapFiltCounts& counts) {
  std::string text =
      fmt::format("candidates: {} web ({} kept), {} drawn ({} kept)", counts.web_candidates,
                  counts.web_kept, counts.synthetic_candidates, counts.synthetic_kept);
  text += fmt::format("; dropped by rank {}, similarity {}, match {}, duplicate {}",
                      counts.dropped_by_rank, counts.dropped_by_similarity, counts.dropped_by_match,
                      counts.dropped_by_duplicate);
  return text;
}

std::string to_text(const CapFiltStatus& status) {
  std::string text =
      fmt::format("{} of {} shards done, {} in work, {} waiting\n", status.done, status.num_shards,
                  status.in_work, status.num_shards - status.done - status.in_work);
  text += status.counts.equation() + "\n" + describe_candidates(status.counts) + "\n";
  if (status.done > 0) {
    text += fmt::format("{} a shard\n",
                        format_duration(status.seconds / static_cast<double>(status.done)));
  }
  if (status.is_complete) return text + "complete\n";
  if (status.done == status.num_shards) {
    return text + "all shards are done, summary.json is missing: start the job again\n";
  }
  if (status.in_work == 0) return text + "no worker is running\n";
  if (!status.seconds_left) return text + "time left: unknown until a shard is done\n";
  return text + fmt::format("{} left with {} workers\n", format_duration(*status.seconds_left),
                            status.in_work);
}

std::string to_json(const CapFiltStatus& status) {
  nlohmann::ordered_json counts = nlohmann::ordered_json::object();
  visit_counts(status.counts,
               [&](const char* name, const int64_t& number) { counts[name] = number; });
  const nlohmann::ordered_json json = {
      {"shards",
       {{"total", status.num_shards},
        {"done", status.done},
        {"in_work", status.in_work},
        {"waiting", status.num_shards - status.done - status.in_work}}},
      {"complete", status.is_complete},
      {"counts", counts},
      {"seconds", status.seconds},
      {"seconds_left", status.seconds_left ? nlohmann::ordered_json(*status.seconds_left)
                                           : nlohmann::ordered_json(nullptr)}};
  return json_on_one_line(json);
}

}  // namespace blip2
