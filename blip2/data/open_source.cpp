// The list of formats: a name, what it is read from, and its reader.
#include "blip2/data/open_source.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"
#include "blip2/data/sources/cc_tsv.h"
#include "blip2/data/sources/coco.h"
#include "blip2/data/sources/csv.h"
#include "blip2/data/sources/folder.h"
#include "blip2/data/sources/imagefolder.h"
#include "blip2/data/sources/json_list.h"
#include "blip2/data/sources/jsonl.h"
#include "blip2/data/sources/karpathy.h"
#include "blip2/data/sources/sbu.h"
#include "blip2/data/sources/visual_genome.h"
#include "blip2/data/sources/vqa.h"
#include "blip2/data/sources/webdataset.h"

namespace blip2 {

namespace {

constexpr const char* kSplit = "split";
constexpr const char* kImageKey = "img_key";
constexpr const char* kCaptionKey = "caption_key";
constexpr const char* kSeparator = "separator";

/// The names that the configuration gives, else `usual`.
FieldNames names_of(const SourceConfig& config, const FieldNames& usual) {
  FieldNames names = usual;
  if (!config.image_key.empty()) names.image = {config.image_key};
  if (!config.caption_key.empty()) names.caption = {config.caption_key};
  return names;
}

RecordRules rules_of(const SourceConfig& config, const FieldNames& usual = {}) {
  return {config.images, config.missing_caption, names_of(config, usual)};
}

using OpenFiles = std::unique_ptr<Source> (*)(const std::vector<std::filesystem::path>&,
                                              const RecordRules&);
template <OpenFiles open>
std::unique_ptr<Source> open_files(const SourceConfig& config) {
  return open(config.annotations, rules_of(config));
}

std::unique_ptr<Source> open_pictures(const SourceConfig& config) {
  return open_folder(config.images, config.missing_caption);
}

template <ShardCaptions captions>
std::unique_ptr<Source> open_shards(const SourceConfig& config) {
  const auto& shards = config.annotations;
  return shards.empty() ? open_webdataset({config.images}, {}, captions, config.missing_caption)
                        : open_webdataset(shards, config.images, captions, config.missing_caption);
}

std::unique_ptr<Source> open_splits(const SourceConfig& config) {
  return open_karpathy(config.annotations, rules_of(config), config.splits);
}

std::unique_ptr<Source> open_metadata(const SourceConfig& config) {
  return open_imagefolder(config.annotations,
                          rules_of(config, {{"file_name"}, {"text", "caption"}}));
}

char separator_of(const SourceConfig& config) {
  const std::string& given = config.separator;
  if (given.empty()) return 0;
  if (given == "tab" || given == "\\t") return '\t';
  if (given == "comma") return ',';
  if (given.size() == 1 && given != "\"" && given != "\n" && given != "\r") return given[0];
  fail(ErrorCode::kInvalidArgument,
       "datasets.{}.separator: expected one character, comma or tab, found {}", config.name,
       quote(given));
}

std::unique_ptr<Source> open_table(const SourceConfig& config) {
  const FieldNames usual = {{"filepath", "image", "file_name", "filename", "image_path", "path"},
                            {"title", "caption", "text"}};
  return open_csv(config.annotations, rules_of(config, usual), separator_of(config));
}

/// What a format is read from.
enum class Needs { kAnnotations, kImages, kEither };

struct Format {
  std::string_view name;
  Needs needs;
  std::unique_ptr<Source> (*open)(const SourceConfig& config);
  std::array<const char*, 3> settings = {};  ///< which of the others it has a use for
};

constexpr std::array kFormats = {
    Format{"jsonl", Needs::kAnnotations, open_files<open_jsonl>, {kImageKey, kCaptionKey}},
    Format{"folder", Needs::kImages, open_pictures},
    Format{"coco_karpathy", Needs::kAnnotations, open_splits, {kSplit, kImageKey, kCaptionKey}},
    Format{"coco", Needs::kAnnotations, open_files<open_coco>},
    Format{"vqav2", Needs::kAnnotations, open_files<open_vqa>},
    Format{"blip_json", Needs::kAnnotations, open_files<open_json_lists>, {kImageKey, kCaptionKey}},
    Format{"visual_genome", Needs::kAnnotations, open_files<open_visual_genome>},
    Format{"cc_tsv", Needs::kAnnotations, open_files<open_cc_tsv>},
    Format{"csv", Needs::kAnnotations, open_table, {kImageKey, kCaptionKey, kSeparator}},
    Format{"sbu", Needs::kAnnotations, open_files<open_sbu>},
    Format{"imagefolder", Needs::kEither, open_metadata, {kImageKey, kCaptionKey}},
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

std::vector<std::string> useless_settings(const SourceConfig& config) {
  std::vector<std::string> useless;
  const Format& format = format_of(config);
  const auto look_at = [&](const char* setting, bool is_given) {
    const bool is_used = std::ranges::any_of(format.settings, [&](const char* used) {
      return used != nullptr && std::string_view(used) == setting;
    });
    if (is_given && !is_used) useless.emplace_back(setting);
  };
  look_at(kSplit, !config.splits.empty());
  look_at(kImageKey, !config.image_key.empty());
  look_at(kCaptionKey, !config.caption_key.empty());
  look_at(kSeparator, !config.separator.empty());
  return useless;
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
         config.format, format.needs == Needs::kEither ? ", or annotations: FILES" : "");
  }
  for (const std::string& setting : useless_settings(config)) {
    fail(ErrorCode::kInvalidArgument, "datasets.{}.{}: format {} has no use for it", config.name,
         setting, config.format);
  }
  return format.open(config);
}

}  // namespace blip2
