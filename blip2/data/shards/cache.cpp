// The headers of the shards in use; the least recently used leaves.
#include "blip2/data/shards/cache.h"

#include <algorithm>
#include <utility>

namespace blip2 {

std::shared_ptr<const Shard> ShardCache::open(const std::filesystem::path& path) {
  const std::string& name = path.native();
  std::unique_lock lock(mutex_);
  if (const auto found = entries_.find(name); found != entries_.end()) {
    found->second.last_used = ++clock_;
    const auto shard = found->second.shard;
    lock.unlock();
    return shard.get();
  }
  std::promise<std::shared_ptr<const Shard>> promise;
  entries_[name] = {promise.get_future().share(), 0, ++clock_};
  ++num_opened_;
  lock.unlock();
  try {
    const auto shard = std::make_shared<const Shard>(path, captions_);
    promise.set_value(shard);
    lock.lock();
    entries_[name].samples = shard->size();
    samples_ += shard->size();
    close_old(name);
    return shard;
  } catch (...) {
    promise.set_exception(std::current_exception());
    lock.lock();
    entries_.erase(name);
    throw;
  }
}

/// Called with the mutex held. Entries still being opened have no samples and stay.
void ShardCache::close_old(const std::string& keep) {
  while (samples_ > max_samples_) {
    auto oldest = entries_.end();
    for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
      if (entry->second.samples == 0 || entry->first == keep) continue;
      if (oldest == entries_.end() || entry->second.last_used < oldest->second.last_used) {
        oldest = entry;
      }
    }
    if (oldest == entries_.end()) return;
    samples_ -= oldest->second.samples;
    entries_.erase(oldest);
  }
}

int64_t ShardCache::num_opened() const {
  const std::lock_guard lock(mutex_);
  return num_opened_;
}

}  // namespace blip2
