// COCO in the Karpathy split as BLIP distributes it: one JSON list of {"image", "caption",
// "image_id"?}.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "blip2/data/source.h"

namespace blip2 {

/// Reads the lists whole (567 thousand records take about 300 MB). In a training file each row is
/// one caption of a picture; in a validation file "caption" is the list of its references. Throws
/// kNotFound or kCorruptData, naming file and entry.
std::unique_ptr<Source> open_coco_karpathy(const std::vector<std::filesystem::path>& files,
                                           const std::filesystem::path& images);

}  // namespace blip2
