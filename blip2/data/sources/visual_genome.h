// Visual Genome's region descriptions, as published and as LAVIS has them.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "blip2/data/source.h"
#include "blip2/data/sources/record_rules.h"

namespace blip2 {

/// Two layouts, recognised by the first entry of a file:
/// - `region_descriptions.json`, a list of {"id", "regions": [{"region_id", "phrase", ...}]}: a
///   record a region, its caption the phrase, its picture the whole one, `VG_100K/ID.jpg` or
///   `VG_100K_2/ID.jpg`, whichever exists (neither: the first). The file is parsed once to count
///   its regions, then a picture's regions again when one is asked for;
/// - `vg_caption.json` (LAVIS): open_json_lists().
///
/// Pictures are below `rules.images`, or in the folder of the file. Source:
/// visualgenome.org/api/v0, and LAVIS's vg_caption. Throws kCorruptData for an entry of
/// region_descriptions.json without regions.
std::unique_ptr<Source> open_visual_genome(const std::vector<std::filesystem::path>& files,
                                           const RecordRules& rules);

}  // namespace blip2
