// The list of formats: a name, what it is read from, and its reader.
#include "blip2/data/open_source.h"

#include <fmt/ranges.h>

#include <array>
#include <string_view>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"
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

std::unique_ptr<Source> open_pictures(const Paths&, const std::filesystem::path& images) {
  return open_folder(images);
}

template <ShardCaptions captions>
std::unique_ptr<Source> open_shards(const Paths& annotations, const std::filesystem::path& images) {
  return annotations.empty() ? open_webdataset({images}, {}, captions)
                             : open_webdataset(annotations, images, captions);
}

/// What a format is read from.
enum class Needs { kAnnotations, kImages, kEither };

struct Format {
  std::string_view name;
  Needs needs;
  std::unique_ptr<Source> (*open)(const Paths& annotations, const std::filesystem::path& images);
};

constexpr std::array kFormats = {
    Format{"jsonl", Needs::kAnnotations, open_jsonl},
    Format{"folder", Needs::kImages, open_pictures},
    Format{"coco_karpathy", Needs::kAnnotations, open_json_lists},
    Format{"blip_json", Needs::kAnnotations, open_json_lists},
    Format{"visual_genome", Needs::kAnnotations, open_visual_genome},
    Format{"cc_tsv", Needs::kAnnotations, open_cc_tsv},
    Format{"sbu", Needs::kAnnotations, open_sbu},
    Format{"laion_parquet", Needs::kEither, open_shards<ShardCaptions::kParquet>},
    Format{"webdataset", Needs::kEither, open_shards<ShardCaptions::kMembers>},
};

const Format& format_of(const SourceConfig& config) {
  for (const Format& format : kFormats) {
    if (format.name == config.format) return format;
  }
  fail(ErrorCode::kInvalidArgument, "datasets.{}.format: expected one of {}, found {}", config.name,
       fmt::join(source_formats(), ", "), quote(config.format));
}

}  // namespace

const std::vector<std::string>& source_formats() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Format& format : kFormats) all.emplace_back(format.name);
    return all;
  }();
  return names;
}

MissingSetting missing_setting(const SourceConfig& config) {
  const Needs needs = format_of(config).needs;
  if (needs == Needs::kAnnotations && config.annotations.empty()) {
    return MissingSetting::kAnnotations;
  }
  const bool reads_images =
      needs == Needs::kImages || (needs == Needs::kEither && config.annotations.empty());
  return reads_images && config.images.empty() ? MissingSetting::kImages : MissingSetting::kNone;
}

std::unique_ptr<Source> open_source(const SourceConfig& config) {
  const Format& format = format_of(config);
  const MissingSetting missing = missing_setting(config);
  if (missing == MissingSetting::kAnnotations) {
    fail(ErrorCode::kInvalidArgument, "datasets.{}: format {} needs annotations: PATH", config.name,
         config.format);
  }
  if (missing == MissingSetting::kImages) {
    fail(ErrorCode::kInvalidArgument, "datasets.{}: format {} needs images: FOLDER{}", config.name,
         config.format,
         format.needs == Needs::kEither ? ", or annotations: SHARDS or an index" : "");
  }
  return format.open(config.annotations, config.images);
}

}  // namespace blip2
