// Samples of shards by their number in all of them.
#include "blip2/data/sources/webdataset.h"

#include <algorithm>
#include <mutex>
#include <set>

#include "blip2/base/error.h"
#include "blip2/base/log.h"
#include "blip2/data/listing.h"
#include "blip2/data/shards/cache.h"
#include "blip2/data/shards/list.h"

namespace blip2 {

namespace {

constexpr int64_t kOpenSamples = int64_t{1} << 18;  // four shuffle windows

/// The deepest folder that all shards are below.
std::filesystem::path common_folder(const std::vector<ShardEntry>& shards) {
  if (shards.empty()) return {};
  std::filesystem::path folder = shards.front().path.parent_path();
  for (const ShardEntry& shard : shards) {
    const std::filesystem::path other = shard.path.parent_path();
    std::filesystem::path common;
    auto a = folder.begin();
    for (auto b = other.begin(); a != folder.end() && b != other.end() && *a == *b; ++a, ++b) {
      common /= *a;
    }
    folder = common;
  }
  return folder;
}

class WebdatasetSource : public Source, public Listing {
 public:
  WebdatasetSource(std::vector<ShardEntry> shards, ShardCaptions captions, MissingCaption missing)
      : shards_(std::move(shards)),
        captions_(captions),
        missing_(missing),
        cache_(kOpenSamples, captions) {
    first_.reserve(shards_.size() + 1);
    for (const ShardEntry& shard : shards_) {
      first_.push_back(size_);
      size_ += shard.num_samples;
    }
    first_.push_back(size_);
  }

  int64_t size() const override { return size_; }

  std::vector<int64_t> shard_sizes() const override {
    std::vector<int64_t> sizes;
    sizes.reserve(shards_.size());
    for (const ShardEntry& shard : shards_) sizes.push_back(shard.num_samples);
    return sizes;
  }

  /// A shard's path below the folder that holds all of them, its number of samples, and its file.
  void list(const EntryCallback& entry) const override {
    const std::filesystem::path root = common_folder(shards_);
    for (const ShardEntry& shard : shards_) {
      std::string text = fmt::format("{} {} {}", shard.path.lexically_relative(root).string(),
                                     shard.num_samples, listed_file(shard.path));
      if (captions_ == ShardCaptions::kParquet) {
        std::filesystem::path parquet = shard.path;
        text += fmt::format(" {}", listed_file(parquet.replace_extension(".parquet")));
      }
      entry(text);
    }
  }

  Record record(int64_t index) const override {
    const Place place = find(index);
    return place.shard->record(place.sample, missing_);
  }

  std::string fields(int64_t index) const override {
    const Place place = find(index);
    return place.shard->fields(place.sample);
  }

 private:
  struct Place {
    std::shared_ptr<const Shard> shard;
    int64_t sample = 0;
  };

  Place find(int64_t index) const {
    BLIP2_CHECK(index >= 0 && index < size_);
    const auto after = std::ranges::upper_bound(first_, index);
    const auto number = static_cast<size_t>(after - first_.begin()) - 1;
    const std::shared_ptr<const Shard> shard = open(number);
    const int64_t sample = index - first_[number];
    if (sample >= shard->size()) {
      if (!shard->damage().empty()) fail(ErrorCode::kCorruptData, "{}", shard->damage());
      fail(ErrorCode::kCorruptData, "{}: expected {} samples, as its index says, found {}",
           shards_[number].path.string(), shards_[number].num_samples, shard->size());
    }
    return {shard, sample};
  }

  std::shared_ptr<const Shard> open(size_t number) const {
    const ShardEntry& entry = shards_[number];
    std::shared_ptr<const Shard> shard = cache_.open(entry.path);
    if (shard->size() > entry.num_samples) {
      const std::lock_guard lock(mutex_);
      if (warned_.insert(number).second) {
        log_warning("{}: holds {} samples, its index says {}: the last {} are not read",
                    entry.path.string(), shard->size(), entry.num_samples,
                    shard->size() - entry.num_samples);
      }
    }
    return shard;
  }

  std::vector<ShardEntry> shards_;
  ShardCaptions captions_;
  MissingCaption missing_;
  std::vector<int64_t> first_;  // of a shard's records; size() at the end
  int64_t size_ = 0;
  mutable ShardCache cache_;
  mutable std::mutex mutex_;  // of warned_
  mutable std::set<size_t> warned_;
};

}  // namespace

std::unique_ptr<Source> open_webdataset(const std::vector<std::filesystem::path>& places,
                                        const std::filesystem::path& root, ShardCaptions captions,
                                        MissingCaption missing) {
  std::vector<std::filesystem::path> shards = places;
  for (std::filesystem::path& place : shards) {
    if (captions == ShardCaptions::kParquet && place.extension() == ".parquet") {
      const std::filesystem::path parquet = place;
      place.replace_extension(".tar");
      std::error_code error;
      const bool is_pattern = place.native().find('{') != std::string::npos;
      if (!is_pattern && !std::filesystem::exists(place, error)) {
        fail(ErrorCode::kNotFound,
             "{}: expected the shard {} beside it, which holds the pictures, found none",
             parquet.string(), place.filename().string());
      }
    }
  }
  return std::make_unique<WebdatasetSource>(list_shards(shards, root), captions, missing);
}

}  // namespace blip2
