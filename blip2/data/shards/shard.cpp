// Grouping of members by webdataset's rule: the key is the path up to the first dot of its last
// part.
#include "blip2/data/shards/shard.h"

#include <algorithm>
#include <array>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"
#include "blip2/data/shards/parquet.h"
#include "blip2/data/sources/json_record.h"

namespace blip2 {

namespace {

std::string lower_case(std::string_view text) {
  std::string lowered(text);
  std::ranges::transform(lowered, lowered.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return lowered;
}

bool is_picture_extension(std::string_view extension) {
  constexpr std::array<std::string_view, 6> kKnown = {"jpg", "jpeg", "png", "webp", "gif", "bmp"};
  return std::ranges::find(kKnown, extension) != kKnown.end();
}

}  // namespace

bool is_picture_name(std::string_view name) {
  const size_t dot = name.rfind('.');
  return dot != std::string_view::npos && is_picture_extension(lower_case(name.substr(dot + 1)));
}

Shard::Shard(const std::filesystem::path& path, ShardCaptions from) : file_(path) {
  if (from == ShardCaptions::kParquet) read_parquet_captions();
  TarIndex index = index_tar(file_.bytes());
  for (const TarMember& member : index.members) add_member(member);
  if (!index.damage.empty()) {
    samples_.emplace_back().fault = path.string() + ": " + index.damage;
  }
}

void Shard::add_member(const TarMember& member) {
  const std::string_view name = member.name;
  const size_t slash = name.rfind('/');
  const size_t base = slash == std::string_view::npos ? 0 : slash + 1;
  const size_t dot = name.find('.', base);
  if (dot == std::string_view::npos || dot == base) return;  // no sample: ".hidden", "README"
  const std::string_view key = name.substr(0, dot);
  if (samples_.empty() || samples_.back().key != key) samples_.emplace_back().key = key;
  Sample& sample = samples_.back();
  const std::string extension = lower_case(name.substr(dot + 1));
  Stretch* stretch = nullptr;
  if (extension == "json") stretch = &sample.json;
  if (extension == "txt") stretch = &sample.text;
  if (is_picture_extension(extension)) {
    stretch = &sample.picture;
    sample.extension = name.substr(dot + 1);
  }
  if (stretch == nullptr) return;
  if (stretch->size >= 0) {
    sample.fault = fmt::format("{}/{}: there twice, or beside another picture",
                               file_.path().string(), printable(member.name));
  }
  *stretch = {member.offset, member.size};
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

std::vector<std::string> Shard::captions(const Sample& sample) const {
  if (parquet_captions_) {
    const auto row = parquet_captions_->find(sample.key);
    if (row != parquet_captions_->end()) return {row->second};
    fail(ErrorCode::kCorruptData,
         "{}/{}: expected a row with this key in the parquet beside the "
         "shard, found none",
         file_.path().string(), printable(sample.key));
  }
  std::vector<std::string> captions;
  if (sample.json.size >= 0) {
    captions = parse_sidecar_captions(
        content(sample.json),
        fmt::format("{}/{}.json", file_.path().string(), printable(sample.key)));
  }
  if (captions.empty() && sample.text.size >= 0) captions = {std::string(content(sample.text))};
  if (captions.empty()) {
    fail(ErrorCode::kCorruptData, "{}/{}: expected a .json with a caption or a .txt, found none",
         file_.path().string(), printable(sample.key));
  }
  return captions;
}

std::string_view Shard::fields(int64_t index) const {
  const Sample& sample = at(index);
  return sample.json.size < 0 ? std::string_view() : content(sample.json);
}

Record Shard::picture(int64_t index) const {
  const Sample& sample = at(index);
  if (!sample.fault.empty()) fail(ErrorCode::kCorruptData, "{}", sample.fault);
  if (sample.picture.size < 0) {
    fail(ErrorCode::kCorruptData,
         "{}/{}: expected a picture (.jpg .jpeg .png .webp .gif .bmp), "
         "found none",
         file_.path().string(), printable(sample.key));
  }
  Record record;
  record.key = file_.path().string() + "/" + sample.key;
  record.listed_in = file_.path();
  record.image = file_.path().string() + "/" + sample.key + "." + sample.extension;
  record.stored = FileRange{file_.path(), sample.picture.offset, sample.picture.size};
  return record;
}

Record Shard::record(int64_t index) const {
  Record record = picture(index);
  record.captions = captions(at(index));
  return record;
}

}  // namespace blip2
