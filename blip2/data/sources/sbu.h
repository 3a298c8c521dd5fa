// SBU captioned photographs in the three layouts that are about.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "blip2/data/source.h"
#include "blip2/data/sources/record_rules.h"

namespace blip2 {

/// - `sbu-captions-all.json`: an object of lists of equal length, "image_urls" and "captions";
/// - `SBU_captioned_photo_dataset_urls.txt` and `..._captions.txt`: a line a picture in each, the
///   two given as two annotations in this order;
/// - `sbu.json` (LAVIS), a list: open_json_lists().
/// Of the first two the picture is the URL's last part, `4385058960_b0f291553e.jpg`, below
/// `rules.images`, as LAVIS's list names it. Throws kCorruptData for lists of unequal length.
std::unique_ptr<Source> open_sbu(const std::vector<std::filesystem::path>& files,
                                 const RecordRules& rules);

}  // namespace blip2
