// COCO's own caption files: captions_train2017.json.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "blip2/data/source.h"
#include "blip2/data/sources/record_rules.h"

namespace blip2 {

/// {"images": [{"id", "file_name"}], "annotations": [{"image_id", "caption"}]}: a record for each
/// annotation, as LAVIS's training lists have it; its image_id is COCO's. The picture is
/// `file_name` below `images`, or below a folder in it of the file's own part (val2014 of
/// captions_val2014.json). Throws kCorruptData for a file of another layout, naming what it is.
std::unique_ptr<Source> open_coco(const std::vector<std::filesystem::path>& files,
                                  const RecordRules& rules);

}  // namespace blip2
