// Opens a source of records by the name of its format.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "blip2/data/source.h"

namespace blip2 {

struct SourceConfig {
  std::string name;              ///< for messages
  std::string format = "jsonl";  ///< jsonl | folder | coco_karpathy | visual_genome | cc_tsv | sbu
                                 ///< | laion_parquet | webdataset | blip_json
  std::vector<std::filesystem::path>
      annotations;               ///< files, read one after another; none for `folder`
  std::filesystem::path images;  ///< root of relative paths; empty: the annotations' folder
};

/// Opens a source.
/// Throws kInvalidArgument for an unknown format or a missing setting, kNotFound or kCorruptData
/// for its files.
std::unique_ptr<Source> open_source(const SourceConfig& config);

}  // namespace blip2
