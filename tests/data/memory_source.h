// A source in memory, with records that may be made unusable.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/data/mixture.h"

namespace blip2 {

/// Record i has the key PREFIX + i and the captions "i:0", "i:1", ..., or throws kCorruptData.
class MemorySource : public Source {
 public:
  MemorySource(std::string prefix, int64_t size, std::set<int64_t> broken = {},
               int num_captions = 3, std::vector<int64_t> shard_sizes = {})
      : prefix_(std::move(prefix)),
        size_(size),
        broken_(std::move(broken)),
        num_captions_(num_captions),
        shard_sizes_(std::move(shard_sizes)) {}

  int64_t size() const override { return size_; }
  std::vector<int64_t> shard_sizes() const override { return shard_sizes_; }
  Record record(int64_t index) const override {
    if (broken_.contains(index)) fail(ErrorCode::kCorruptData, "{}{} is broken", prefix_, index);
    Record record{
        .key = prefix_ + std::to_string(index), .image = {}, .captions = {}, .image_id = {}};
    for (int i = 0; i < num_captions_; ++i)
      record.captions.push_back(fmt::format("{}:{}", index, i));
    return record;
  }

 private:
  std::string prefix_;
  int64_t size_;
  std::set<int64_t> broken_;
  int num_captions_;
  std::vector<int64_t> shard_sizes_;
};

inline Mixture memory_mixture(int64_t size, std::set<int64_t> broken = {}, int num_captions = 3) {
  std::vector<MixturePart> parts;
  parts.push_back(
      {.name = "memory",
       .source = std::make_unique<MemorySource>("m", size, std::move(broken), num_captions),
       .sample_ratio = 1});
  return Mixture(std::move(parts));
}

}  // namespace blip2
