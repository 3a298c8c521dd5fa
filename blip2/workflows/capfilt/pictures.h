// The records of a shard, read and decoded in batches, one batch ahead of the models. A record that
// cannot be captioned comes with the reason.
#pragma once

#include <cstdint>
#include <future>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "blip2/image/image.h"
#include "blip2/image/perceptual_hash.h"
#include "blip2/workflows/capfilt/inputs.h"

namespace blip2 {

/// A record between its shard and the models.
struct CapFiltPicture {
  int64_t index = 0;  ///< in the shard
  enum class Fate { kGood, kOptOut, kDuplicate, kNearDuplicate, kFailed };
  Fate fate = Fate::kGood;
  std::string name;    ///< for messages: the record's key, or its number in the shard
  std::string reason;  ///< of kFailed
  ShardRecord record;
  std::string bytes;    ///< of the picture's file
  ImageRgba image;      ///< decoded
  std::string content;  ///< with dedup: a checksum of the bytes
  PictureHash hash;     ///< with dedup
};

class CapFiltPictures {
 public:
  /// All arguments must outlive it. One thread may call next().
  CapFiltPictures(const CapFiltConfig& config, const std::string& shard,
                  const ShardRecords& records);

  /// The next batch_size records, of any fate; false after the last.
  bool next(std::vector<CapFiltPicture>& batch);

 private:
  std::vector<CapFiltPicture> read(int64_t first) const;
  void read_one(CapFiltPicture& picture) const;
  void find_duplicates(std::vector<CapFiltPicture>& batch);

  const CapFiltConfig& config_;
  std::string shard_;
  const ShardRecords& records_;
  int64_t next_ = 0;
  std::future<std::vector<CapFiltPicture>> ahead_;
  std::unordered_set<std::string> members_, contents_;
  std::vector<PictureHash> hashes_;
};

}  // namespace blip2
