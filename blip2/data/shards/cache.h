// The shards that are open: as many as a bound on their samples allows, the least recently used
// closed first. It remembers nothing that a result could depend on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <future>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "blip2/data/shards/shard.h"

namespace blip2 {

class ShardCache {
 public:
  /// A sample takes some 200 bytes of memory.
  explicit ShardCache(int64_t max_samples, ShardCaptions captions = ShardCaptions::kMembers)
      : max_samples_(max_samples), captions_(captions) {}

  /// The shard, opened if it is not: once, however many threads ask. At least one stays open.
  /// Thread-safe. Throws as Shard's constructor.
  std::shared_ptr<const Shard> open(const std::filesystem::path& path);

  int64_t num_opened() const;  ///< how often a shard was opened, for tests and benches

 private:
  struct Entry {
    std::shared_future<std::shared_ptr<const Shard>> shard;
    int64_t samples = 0;
    int64_t last_used = 0;
  };
  void close_old(const std::string& keep);

  int64_t max_samples_;
  ShardCaptions captions_;
  mutable std::mutex mutex_;  // of everything below
  std::unordered_map<std::string, Entry> entries_;
  int64_t clock_ = 0;
  int64_t samples_ = 0;
  int64_t num_opened_ = 0;
};

}  // namespace blip2
