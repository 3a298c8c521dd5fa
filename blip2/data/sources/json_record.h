// The JSON object that the annotation formats share: {"image", "caption", "image_id"?, "key"?,
// "offset"?, "size"?} -> Record.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "blip2/data/record.h"
#include "blip2/data/sources/record_rules.h"

namespace blip2 {

/// Parses one object, with its picture and captions under the names of `rules`. A caption is a
/// string or a list of strings; "image_id" and "key" are strings or numbers, a whole number without
/// its ".0"; "key" defaults to the picture's path; other names are ignored. A relative picture is
/// below `rules.images`. With "offset" and "size" (bytes) it is a stretch of a shard,
/// SHARD.tar/MEMBER. A caption that is missing, null, NaN or an empty list is none, where that is
/// allowed. Throws kCorruptData with `where` in front.
Record parse_json_record(std::string_view json, const std::string& where, const RecordRules& rules);

/// A caption, or a list of them, where a file has it (nullptr: nowhere); empty where it is missing,
/// null or NaN and may be. `name` is the member's, for messages. Throws kCorruptData with `where`
/// in front.
std::vector<std::string> captions_in_json(const nlohmann::json* value, const std::string& where,
                                          MissingCaption missing,
                                          const std::string& name = "caption");

/// The captions of a webdataset sample's `.json`: those of its "caption", a string or a list, or of
/// the `.json` itself if that is a list; of a list the first two (CapFilt's best, which LAVIS draws
/// from). None if there is no "caption" or it is null, or where that is allowed NaN. Throws
/// kCorruptData with `where` in front.
std::vector<std::string> parse_sidecar_captions(std::string_view json, const std::string& where,
                                                MissingCaption missing = MissingCaption::kRefused);

/// An id as text: "5.0", as a table with gaps in its column of numbers writes 5, is "5".
std::string id_in_text(const std::string& text);

/// The path that a JSON string names: Python writes a byte of a file's name that is not UTF-8 as a
/// surrogate ("\udce9"), which becomes that byte again.
std::string path_in_json(const std::string& text);

}  // namespace blip2
