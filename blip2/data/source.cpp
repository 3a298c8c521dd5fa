// The factory of sources: a format's name -> its reader.
#include "blip2/data/source.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "blip2/base/error.h"
#include "blip2/data/sources/coco_karpathy.h"
#include "blip2/data/sources/folder.h"
#include "blip2/data/sources/jsonl.h"

namespace blip2 {

namespace {

constexpr std::array<std::string_view, 6> kNotYetRead = {
    "visual_genome", "cc_tsv", "sbu", "laion_parquet", "webdataset", "blip_json"};

}  // namespace

std::unique_ptr<Source> open_source(const SourceConfig& config) {
  if (config.format == "folder") {
    if (config.images.empty()) {
      fail(ErrorCode::kInvalidArgument, "datasets.{}: format folder needs images: PATH",
           config.name);
    }
    return open_folder(config.images);
  }
  if (config.format == "jsonl" || config.format == "coco_karpathy") {
    if (config.annotations.empty()) {
      fail(ErrorCode::kInvalidArgument, "datasets.{}: format {} needs annotations: PATH",
           config.name, config.format);
    }
    return config.format == "jsonl" ? open_jsonl(config.annotations, config.images)
                                    : open_coco_karpathy(config.annotations, config.images);
  }
  const bool known = std::ranges::find(kNotYetRead, config.format) != kNotYetRead.end();
  fail(known ? ErrorCode::kUnsupported : ErrorCode::kInvalidArgument,
       "datasets.{}.format: expected jsonl, folder or coco_karpathy, found \"{}\"{}", config.name,
       config.format, known ? " (not read by this version)" : "");
}

}  // namespace blip2
