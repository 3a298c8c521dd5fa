// Which shards a data set has and how many samples each holds: all that is kept of 129 million
// records until they are asked for. Reading a shard is the responsibility of shard.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace blip2 {

struct ShardEntry {
  std::filesystem::path path;
  int64_t num_samples = 0;
};

/// The shards that `places` name, in their order. A place is
/// - a `.tar`, with braces for several: `part{0,1}/{00000..01743}.tar`;
/// - a folder: every `.tar` below it, sorted by path;
/// - a `.json`, the index that webdataset's `widsindex` writes: {"shardlist": [{"url": ...,
///   "nsamples": ...}]}, urls relative to `root`, or to the index's folder if that is empty.
///
/// The number of samples is the index's; else "successes" of the SHARD_stats.json that img2dataset
/// leaves beside a shard; else the shard's headers are read.
/// Throws kNotFound for a place without shards, kCorruptData for a bad index, naming the entry.
std::vector<ShardEntry> list_shards(const std::vector<std::filesystem::path>& places,
                                    const std::filesystem::path& root);

/// The same shards without their numbers of samples: none is opened. A `.tar` that is named must be
/// there.
std::vector<std::filesystem::path> list_shard_paths(
    const std::vector<std::filesystem::path>& places, const std::filesystem::path& root);

/// What a pattern expands to, in order: {a,b} each of them, {00..12} the numbers with as many
/// digits as the first has. Without braces, itself. Throws kInvalidArgument for more than a
/// million, for unpaired braces and for a range that runs backwards.
std::vector<std::string> expand_braces(const std::string& pattern);

}  // namespace blip2
