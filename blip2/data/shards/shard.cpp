// Grouping of members by webdataset's rule: the key is the path up to the first dot of its last
// part.
#include "blip2/data/shards/shard.h"

#include <algorithm>

#include "blip2/base/error.h"
#include "blip2/base/list_files.h"
#include "blip2/base/quote.h"
#include "blip2/base/text_file.h"
#include "blip2/data/shards/parquet.h"
#include "blip2/data/sources/json_record.h"
#include "blip2/image/picture_name.h"

namespace blip2 {

namespace {

std::string lower_case(std::string_view text) {
  std::string lowered(text);
  std::ranges::transform(lowered, lowered.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return lowered;
}

}  // namespace

Shard::Shard(const std::filesystem::path& path, ShardCaptions from) : file_(path) {
  if (from == ShardCaptions::kParquet) read_parquet_captions();
  TarIndex index = index_tar(file_.bytes());
  Places places;
  for (const TarMember& member : index.members) add_member(member, places);
  if (!index.damage.empty()) {
    damage_ = path.string() + ": " + index.damage;
    samples_.emplace_back().fault = damage_;
  }
}

void Shard::add_member(const TarMember& member, Places& places) {
  const std::string_view name = member.name;
  if (is_leftover_path(name)) return;
  const size_t slash = name.rfind('/');
  const size_t base = slash == std::string_view::npos ? 0 : slash + 1;
  const size_t dot = name.find('.', base);
  if (dot == std::string_view::npos) return;  // no sample: "README"
  const std::string extension = lower_case(name.substr(dot + 1));
  Sample& sample = sample_of(name.substr(0, dot), extension, places);
  Stretch* const stretch = sample.place_of(extension);
  if (stretch == nullptr) return;
  if (stretch == &sample.picture) sample.extension = name.substr(dot + 1);
  if (stretch->size >= 0) {
    sample.fault = fmt::format("{}/{}: there twice, or beside another picture",
                               file_.path().string(), printable(member.name));
  }
  *stretch = {member.offset, member.size};
}

/// The sample that a member belongs to: of neighbours that of its key; a member further on
/// completes a sample that lacks it, as where all texts come after all pictures, and else starts
/// another.
Shard::Sample& Shard::sample_of(std::string_view key, const std::string& extension,
                                Places& places) {
  if (!samples_.empty() && samples_.back().key == key) return samples_.back();
  const auto [place, is_new] = places.emplace(key, samples_.size());
  if (!is_new) {
    Sample& earlier = samples_[place->second];
    const Stretch* const stretch = earlier.place_of(extension);
    if (stretch == nullptr || stretch->size < 0) return earlier;
    place->second = samples_.size();
  }
  Sample& sample = samples_.emplace_back();
  sample.key = key;
  return sample;
}

/// Where a member with this ending, in lower case, goes; nullptr for one that is not read.
Shard::Stretch* Shard::Sample::place_of(const std::string& ending) {
  if (ending == "json") return &json;
  if (ending == "txt") return &text;
  if (ending == "caption") return &caption;
  const bool has_one_dot = ending.find('.') == std::string::npos;
  return has_one_dot && is_picture_name("." + ending) ? &picture : nullptr;
}

void Shard::read_parquet_captions() {
  std::filesystem::path parquet = file_.path();
  parquet.replace_extension(".parquet");
  parquet_captions_.emplace();
  read_parquet(parquet, {"key", "caption"}, [&](const std::vector<std::string_view>& row) {
    parquet_captions_->insert_or_assign(std::string(row[0]), std::string(row[1]));
  });
}

const Shard::Sample& Shard::at(int64_t index) const {
  BLIP2_CHECK(index >= 0 && index < size());
  return samples_[static_cast<size_t>(index)];
}

std::string_view Shard::content(const Stretch& stretch) const {
  const auto bytes =
      file_.bytes().subspan(static_cast<size_t>(stretch.offset), static_cast<size_t>(stretch.size));
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::vector<std::string> Shard::captions(const Sample& sample, MissingCaption missing) const {
  const std::string where = fmt::format("{}/{}", file_.path().string(), printable(sample.key));
  std::vector<std::string> captions;
  const char* expected = "a .json with a caption, a .txt or a .caption";
  if (parquet_captions_) {
    expected = "a row with this key in the parquet beside the shard";
    const auto row = parquet_captions_->find(sample.key);
    if (row != parquet_captions_->end()) captions = {row->second};
  } else if (sample.json.size >= 0) {
    captions = parse_sidecar_captions(decode_text(content(sample.json)), where + ".json", missing);
  }
  for (const std::string& caption : captions) require_utf8(caption, where);
  for (const Stretch* text : {&sample.text, &sample.caption}) {
    if (!captions.empty() || parquet_captions_ || text->size < 0) continue;
    captions = {decode_text(content(*text))};
    require_text(captions.front(), where);
  }
  if (captions.empty() && missing == MissingCaption::kRefused) {
    fail(ErrorCode::kCorruptData, "{}: expected {}, found none", where, expected);
  }
  return captions;
}

std::string Shard::fields(int64_t index) const {
  const Sample& sample = at(index);
  return sample.json.size < 0 ? std::string() : decode_text(content(sample.json));
}

Record Shard::picture(int64_t index) const {
  const Sample& sample = at(index);
  if (!sample.fault.empty()) fail(ErrorCode::kCorruptData, "{}", sample.fault);
  if (sample.picture.size < 0) {
    fail(ErrorCode::kCorruptData, "{}/{}: expected a picture ({}), found none",
         file_.path().string(), printable(sample.key), kPictureExtensions);
  }
  Record record;
  record.key = file_.path().string() + "/" + sample.key;
  record.listed_in = file_.path();
  record.image = file_.path().string() + "/" + sample.key + "." + sample.extension;
  record.stored = FileRange{file_.path(), sample.picture.offset, sample.picture.size};
  return record;
}

Record Shard::record(int64_t index, MissingCaption missing) const {
  Record record = picture(index);
  record.captions = captions(at(index), missing);
  return record;
}

}  // namespace blip2
