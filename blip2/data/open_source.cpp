// The list of formats: a name and its reader.
#include "blip2/data/open_source.h"

#include <array>
#include <string_view>

#include "blip2/base/error.h"
#include "blip2/data/sources/cc_tsv.h"
#include "blip2/data/sources/folder.h"
#include "blip2/data/sources/json_list.h"
#include "blip2/data/sources/jsonl.h"
#include "blip2/data/sources/sbu.h"
#include "blip2/data/sources/visual_genome.h"
#include "blip2/data/sources/webdataset.h"

namespace blip2 {

namespace {

using Paths = std::vector<std::filesystem::path>;

struct AnnotatedFormat {
  std::string_view name;
  std::unique_ptr<Source> (*open)(const Paths& annotations, const std::filesystem::path& images);
};

constexpr std::array kAnnotatedFormats = {
    AnnotatedFormat{"jsonl", open_jsonl},
    AnnotatedFormat{"coco_karpathy", open_json_lists},
    AnnotatedFormat{"blip_json", open_json_lists},
    AnnotatedFormat{"visual_genome", open_visual_genome},
    AnnotatedFormat{"cc_tsv", open_cc_tsv},
    AnnotatedFormat{"sbu", open_sbu},
};

std::unique_ptr<Source> open_shards(const SourceConfig& config, ShardCaptions captions) {
  if (config.annotations.empty() && config.images.empty()) {
    fail(ErrorCode::kInvalidArgument,
         "datasets.{}: format {} needs images: FOLDER, or annotations: SHARDS or an index",
         config.name, config.format);
  }
  return config.annotations.empty() ? open_webdataset({config.images}, {}, captions)
                                    : open_webdataset(config.annotations, config.images, captions);
}

}  // namespace

std::unique_ptr<Source> open_source(const SourceConfig& config) {
  if (config.format == "folder") {
    if (config.images.empty()) {
      fail(ErrorCode::kInvalidArgument, "datasets.{}: format folder needs images: PATH",
           config.name);
    }
    return open_folder(config.images);
  }
  if (config.format == "webdataset") return open_shards(config, ShardCaptions::kMembers);
  if (config.format == "laion_parquet") return open_shards(config, ShardCaptions::kParquet);
  for (const AnnotatedFormat& format : kAnnotatedFormats) {
    if (format.name != config.format) continue;
    if (config.annotations.empty()) {
      fail(ErrorCode::kInvalidArgument, "datasets.{}: format {} needs annotations: PATH",
           config.name, config.format);
    }
    return format.open(config.annotations, config.images);
  }
  fail(ErrorCode::kInvalidArgument,
       "datasets.{}.format: expected jsonl, folder, coco_karpathy, visual_genome, cc_tsv, sbu, "
       "laion_parquet, webdataset or blip_json, found \"{}\"",
       config.name, config.format);
}

}  // namespace blip2
