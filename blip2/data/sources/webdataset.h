// Webdataset shards, and what img2dataset makes of LAION, CC3M and CC12M: samples of a picture and
// its caption in tar files, a hundred million of them if need be.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "blip2/data/shards/shard.h"
#include "blip2/data/source.h"

namespace blip2 {

/// `places` as list_shards() takes them; with kParquet, a .parquet means the .tar beside it. In
/// memory are a path and a count a shard, and the headers of the shards being read (ShardCache). A
/// shard that holds other than its count: missing samples are records that throw kCorruptData with
/// what was expected and found, surplus ones are not read and a warning says so.
std::unique_ptr<Source> open_webdataset(const std::vector<std::filesystem::path>& places,
                                        const std::filesystem::path& root,
                                        ShardCaptions captions = ShardCaptions::kMembers,
                                        MissingCaption missing = MissingCaption::kRefused);

}  // namespace blip2
