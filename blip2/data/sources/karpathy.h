// Karpathy's files with their splits: dataset_coco.json, dataset_flickr30k.json,
// dataset_flickr8k.json.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "blip2/data/source.h"
#include "blip2/data/sources/record_rules.h"

namespace blip2 {

/// {"images": [{"filename", "filepath"?, "split", "sentences": [{"raw"}], "cocoid" or "imgid"}]}.
/// `splits`: train, restval, val, test; none: train and restval, what models are trained on. Of
/// train and restval each caption is a record, of the others each picture with all its captions, as
/// LAVIS's lists have it. The picture is `filepath`/`filename` or `filename` below `images`.
/// A list instead of an object is LAVIS's own: open_json_lists(). Throws kCorruptData for another
/// layout, kInvalidArgument for a split that the file does not have.
std::unique_ptr<Source> open_karpathy(const std::vector<std::filesystem::path>& files,
                                      const RecordRules& rules,
                                      const std::vector<std::string>& splits);

}  // namespace blip2
