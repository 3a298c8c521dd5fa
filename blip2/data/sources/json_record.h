// The JSON object that the annotation formats share: {"image", "caption", "image_id"?, "key"?,
// "offset"?, "size"?} -> Record.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "blip2/data/record.h"

namespace blip2 {

/// Parses one object. "caption" is a string or a list of strings; "image_id" and "key" are strings
/// or numbers, a whole number without its ".0"; "key" defaults to the text of "image"; other names
/// are ignored. A relative "image" is
/// taken from `images`. With "offset" and "size" (bytes) it is a stretch of a shard,
/// SHARD.tar/MEMBER. Throws kCorruptData with `where` in front.
Record parse_json_record(std::string_view json, const std::string& where,
                         const std::filesystem::path& images);

/// The captions of a webdataset sample's `.json`: those of its "caption", a string or a list, or of
/// the `.json` itself if that is a list; of a list the first two (CapFilt's best, which LAVIS draws
/// from). None if there is no "caption" or it is null. Throws kCorruptData with `where` in front.
std::vector<std::string> parse_sidecar_captions(std::string_view json, const std::string& where);

}  // namespace blip2
