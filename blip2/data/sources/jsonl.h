// Plain JSONL: one object a line, {"image", "caption", "image_id"?, "key"?}.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "blip2/data/source.h"

namespace blip2 {

/// Maps the files and finds their lines; a line is parsed when its record is asked for, so that
/// opening costs one pass over the bytes and 8 bytes of memory a record. The first record is parsed
/// at once. Relative pictures are below `images`, or in the folder of the file if that is empty.
/// Blank lines are skipped.
std::unique_ptr<Source> open_jsonl(const std::vector<std::filesystem::path>& files,
                                   const std::filesystem::path& images);

}  // namespace blip2
