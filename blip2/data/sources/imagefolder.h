// Hugging Face's imagefolder: a folder of pictures with metadata.jsonl or metadata.csv in it, or in
// folders below it.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "blip2/data/source.h"
#include "blip2/data/sources/record_rules.h"

namespace blip2 {

/// A row is {"file_name", "text"}: a picture by its path from the folder of its metadata, and its
/// caption, under the names of `rules`. `files`: the metadata; none: those below `rules.images`, by
/// list_files()'s rule and in the order of their paths; of two in one folder metadata.jsonl. Throws
/// kNotFound where there are none, kUnsupported for metadata.parquet alone.
std::unique_ptr<Source> open_imagefolder(const std::vector<std::filesystem::path>& files,
                                         const RecordRules& rules);

}  // namespace blip2
