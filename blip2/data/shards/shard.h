// A webdataset shard: a tar whose members of one name, extensions aside, are a sample (000012.jpg,
// 000012.json, 000012.txt). Which shards there are is decided by list.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "blip2/base/files.h"
#include "blip2/data/record.h"
#include "blip2/data/shards/tar_index.h"

namespace blip2 {

/// Where a shard's captions are.
enum class ShardCaptions {
  kMembers,  ///< in the shard: .json, .txt or .caption
  kParquet,  ///< in SHARD.parquet beside SHARD.tar, columns "key" and "caption", as img2dataset
             ///< leaves it
};

/// An open shard: its file mapped, its samples found. Thread-safe.
/// Source of the layout: webdataset's format description, and what img2dataset writes.
class Shard {
 public:
  /// Reads the headers. Damage in them becomes an unusable last sample. Throws kNotFound or
  /// kUnavailable for the file; with kParquet as read_parquet().
  explicit Shard(const std::filesystem::path& path, ShardCaptions from = ShardCaptions::kMembers);

  int64_t size() const { return static_cast<int64_t>(samples_.size()); }

  /// Sample `index` of {0, ..., size() - 1}. The key is "PATH/SHARD.tar/KEY", as two folders may
  /// have a shard of one name; the image is "PATH/SHARD.tar/MEMBER". Captions: `.json`'s "caption"
  /// (of a list, or of a `.json` that is a list, the first two, which LAVIS draws from), else
  /// `.txt`, else `.caption`, whole. Throws kCorruptData, naming shard and member, for a sample
  /// without picture, for one without caption unless that is allowed, for text that is not UTF-8
  /// and for damage.
  Record record(int64_t index, MissingCaption missing = MissingCaption::kRefused) const;

  /// Why reading stopped early; "" for a whole shard.
  const std::string& damage() const { return damage_; }

  /// The key of a sample in the shard, without the shard's name; "" for damage.
  const std::string& key(int64_t index) const { return at(index).key; }
  /// A sample's `.json`, as decode_text() gives it; "" where it has none, and for damage.
  std::string fields(int64_t index) const;
  /// The sample with its picture alone: record() without captions.
  Record picture(int64_t index) const;

 private:
  struct Stretch {
    int64_t offset = 0;
    int64_t size = -1;  // -1: not there
  };
  struct Sample {
    std::string key;
    std::string extension;  // of the picture, as stored
    Stretch picture, json, text, caption;
    std::string fault;

    Stretch* place_of(const std::string& ending);
  };

  using Places = std::unordered_map<std::string, size_t>;

  void add_member(const TarMember& member, Places& places);
  Sample& sample_of(std::string_view key, const std::string& extension, Places& places);
  const Sample& at(int64_t index) const;
  std::string_view content(const Stretch& stretch) const;
  std::vector<std::string> captions(const Sample& sample, MissingCaption missing) const;
  void read_parquet_captions();

  MappedFile file_;
  std::string damage_;
  std::vector<Sample> samples_;
  std::optional<std::unordered_map<std::string, std::string>> parquet_captions_;  // by key
};

}  // namespace blip2
