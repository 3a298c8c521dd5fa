// The folder of a CapFilt job: the paths of its files, the job that it belongs to, and the shards
// that are done. Its state is files that are renamed into place, so any number of workers on any
// machines can share it (docs/formats.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "blip2/workflows/capfilt/counts.h"

namespace blip2 {

/// What two starts on one folder must agree on, by name: options, models, inputs.
using JobIdentity = std::vector<std::pair<std::string, std::string>>;

class CapFiltFolder {
 public:
  explicit CapFiltFolder(std::filesystem::path root) : root_(std::move(root)) {}

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path leases() const { return root_ / "job" / "leases"; }
  std::filesystem::path description() const { return root_ / "job" / "job.json"; }
  std::filesystem::path tar(const std::string& shard) const { return root_ / shard; }
  std::filesystem::path state(int64_t shard) const { return part("done", shard, ".json"); }
  std::filesystem::path captions(int64_t shard) const { return part("captions", shard, ".jsonl"); }
  std::filesystem::path failures(int64_t shard) const { return part("failures", shard, ".jsonl"); }
  std::filesystem::path all_captions() const { return root_ / "captions.json"; }
  std::filesystem::path all_failures() const { return root_ / "failures.jsonl"; }
  std::filesystem::path summary() const { return root_ / "summary.json"; }
  /// "00000012": the name of a shard's files and of its lease.
  static std::string shard_id(int64_t shard);

  struct Job {
    int64_t num_shards = 0;
    double lease_s = 0;
    JobIdentity identity;
    std::string config_yaml;  ///< for people; never read back
  };

  /// Makes the folder this job's, or joins the job where the folder is already its. Throws
  /// kInvalidArgument for another job's folder, naming the first difference, and for a folder that
  /// holds other files; kUnavailable where it cannot be written.
  void join(const Job& job) const;
  /// The job that the folder belongs to, without config_yaml. Throws kNotFound, kCorruptData.
  Job read_job() const;

  bool is_done(int64_t shard) const;
  ShardState read_state(int64_t shard) const;
  /// Removes the partial files that a stopped worker left of a shard. Only the shard's present
  /// worker may call it.
  void remove_leavings(int64_t shard, const std::string& name) const;
  /// The same for the whole folder. To be called when all shards are done.
  void remove_all_leavings() const;
  /// To be called last, when summary.json is written.
  void remove_leases() const;

 private:
  std::filesystem::path part(const char* kind, int64_t shard, const char* extension) const;
  void check_place() const;
  void check_same(const Job& job) const;

  std::filesystem::path root_;
};

}  // namespace blip2
