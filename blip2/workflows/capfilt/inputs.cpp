// Shards from tars, or from the records of any other source.
#include "blip2/workflows/capfilt/inputs.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/base/json_text.h"
#include "blip2/base/list_files.h"
#include "blip2/base/python_json.h"
#include "blip2/base/text_file.h"
#include "blip2/data/listing.h"
#include "blip2/data/open_source.h"
#include "blip2/data/record_identity.h"
#include "blip2/data/shards/list.h"
#include "blip2/data/shards/shard.h"
#include "blip2/data/sources/annotation_layout.h"
#include "blip2/image/picture_name.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

bool is_folder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

std::string guess_format_of_folder(const fs::path& folder) {
  if (!list_files(folder, {".tar"}).empty()) return "webdataset";
  const bool has_metadata =
      std::ranges::any_of(list_files(folder, {".jsonl", ".csv"}),
                          [](const fs::path& file) { return file.stem() == "metadata"; });
  return has_metadata ? "imagefolder" : "folder";
}

/// The format that the first input looks like, by its name and then by what is in it.
std::string guess_format(const fs::path& place) {
  const std::string extension = place.extension().string();
  if (is_folder(place)) return guess_format_of_folder(place);
  if (extension == ".tar") return "webdataset";
  if (extension == ".parquet") return "laion_parquet";
  const AnnotationLayout layout = annotation_layout(TextFile(place).text());
  const std::vector<std::string> formats = source_formats();
  if (std::ranges::find(formats, layout.format) != formats.end()) return layout.format;
  if (extension == ".jsonl") return "jsonl";
  if (extension == ".tsv") return "cc_tsv";
  if (extension == ".json") return "blip_json";
  if (!layout.what.empty()) {
    fail(ErrorCode::kUnsupported, "{}: expected .tar shards, a folder or annotations, found {}",
         place.string(), other_layout(TextFile(place).text(), ""));
  }
  fail(ErrorCode::kInvalidArgument,
       "{}: expected .tar, .parquet, .jsonl, .tsv, .csv, .json or a folder; another name needs "
       "input_format",
       place.string());
}

class TarRecords final : public ShardRecords {
 public:
  TarRecords(const CapFiltShard& shard, ShardCaptions captions)
      : name_(shard.name), shard_(shard.tar, captions) {}

  int64_t size() const override { return shard_.size(); }
  ShardRecord read(int64_t index) const override {
    ShardRecord read{.record = shard_.record(index, MissingCaption::kAllowed),
                     .member = shard_.key(index),
                     .extension = "",
                     .fields = shard_.fields(index),
                     .stream = name_ + "/" + shard_.key(index)};
    read.extension = read.record.image.extension().string().substr(1);
    return read;
  }

 private:
  // Of the output: workers may see the input's folder in different places.
  std::string name_;
  Shard shard_;
};

/// Members are numbered, because keys of other sources may not be valid names of members.
class SourceRecords final : public ShardRecords {
 public:
  SourceRecords(const Source& source, const CapFiltShard& shard)
      : source_(source), first_(shard.first_record), size_(shard.num_records) {}

  int64_t size() const override { return size_; }
  ShardRecord read(int64_t index) const override {
    ShardRecord read{.record = source_.record(first_ + index),
                     .member = fmt::format("{:09}", first_ + index),
                     .extension = "",
                     .fields = "",
                     .stream = ""};
    read.stream = record_identity(read.record);
    const std::string name = read.record.image.filename().string();
    if (is_picture_name(name)) read.extension = name.substr(name.rfind('.') + 1);
    read.fields = with_names(source_.fields(first_ + index), read.record);
    return read;
  }

 private:
  /// The record's JSON with "key" and "image", which the numbered names do not hold.
  static std::string with_names(const std::string& fields, const Record& record) {
    using Fields = nlohmann::ordered_json;
    Fields json = try_parse_json<Fields>(fields).value_or(Fields::object());
    if (!json.is_object()) json = Fields::object();
    if (!json.contains("key")) json["key"] = record.key;
    if (!json.contains("image")) json["image"] = record.image.string();
    return json_on_one_line(json);
  }

  const Source& source_;
  int64_t first_, size_;
};

}  // namespace

CapFiltInputs::CapFiltInputs(const CapFiltConfig& config)
    : format_(config.input_format == "auto" ? guess_format(config.shards.front())
                                            : config.input_format) {
  if (format_ == "webdataset" || format_ == "laion_parquet") {
    add_tars(config);
  } else {
    cut_source(config);
  }
  std::unordered_map<std::string, const CapFiltShard*> known;
  for (const CapFiltShard& shard : shards_) {
    const auto [other, is_new] = known.emplace(shard.name, &shard);
    if (is_new) continue;
    fail(ErrorCode::kInvalidArgument,
         "{} and {} would both be written as {}: give the folder that holds both, or two outputs",
         other->second->tar.string(), shard.tar.string(), shard.name);
  }
}

/// A shard of a folder keeps its path below the folder; one that is named itself keeps its name.
void CapFiltInputs::add_tars(const CapFiltConfig& config) {
  for (const std::string& name : config.shards) {
    fs::path place = name;
    if (place.extension() == ".parquet") place.replace_extension(".tar");
    for (fs::path& tar : list_shard_paths({place}, config.images)) {
      const fs::path below = is_folder(place) ? tar.lexically_relative(place) : tar.filename();
      shards_.push_back({below.generic_string(), std::move(tar)});
    }
  }
}

void CapFiltInputs::cut_source(const CapFiltConfig& config) {
  SourceConfig source{"shards", format_, {}, config.images};
  source.splits = config.split;
  source.image_key = config.img_key;
  source.caption_key = config.caption_key;
  source.separator = config.separator;
  source.missing_caption = MissingCaption::kAllowed;
  if (format_ == "folder" || (format_ == "imagefolder" && is_folder(config.shards.front()))) {
    if (config.shards.size() != 1) {
      fail(ErrorCode::kInvalidArgument, "input_format {}: expected one folder, found {}", format_,
           config.shards.size());
    }
    source.images = config.shards.front();
  } else {
    source.annotations.assign(config.shards.begin(), config.shards.end());
  }
  source_ = open_source(source);
  if (source_->size() == 0) {
    fail(ErrorCode::kNotFound, "{}: expected records, found none", config.shards.front());
  }
  fs::path stem = fs::path(config.shards.front()).lexically_normal();
  if (!stem.has_filename()) stem = stem.parent_path();
  const int64_t step = config.records_per_shard;
  for (int64_t first = 0; first < source_->size(); first += step) {
    shards_.push_back({fmt::format("{}-{:05}.tar", stem.stem().string(), first / step),
                       {},
                       first,
                       std::min(step, source_->size() - first)});
  }
}

std::unique_ptr<ShardRecords> CapFiltInputs::open(const CapFiltShard& shard) const {
  if (shard.tar.empty()) return std::make_unique<SourceRecords>(*source_, shard);
  return std::make_unique<TarRecords>(
      shard, format_ == "laion_parquet" ? ShardCaptions::kParquet : ShardCaptions::kMembers);
}

std::string CapFiltInputs::fingerprint() const {
  std::string lines;
  for (const CapFiltShard& shard : shards_) {
    lines += fmt::format("{} {} {}", shard.name, shard.first_record, shard.num_records);
    fs::path file = shard.tar;
    for (const char* extension : {".tar", ".parquet"}) {
      if (file.empty() || (extension[1] == 'p' && format_ != "laion_parquet")) continue;
      lines += " " + listed_file(file.replace_extension(extension));
    }
    lines += "\n";
  }
  if (source_ == nullptr) return fmt::format("{} tars, {}", shards_.size(), checksum(lines));
  const ListFingerprint list = blip2::fingerprint(*source_);
  for (const uint64_t block : list.blocks) lines += fmt::format("{:x}\n", block);
  return fmt::format("{} records, {}", list.records, checksum(lines));
}

}  // namespace blip2
