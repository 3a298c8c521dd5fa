// Regions counted once, parsed on demand.
#include "blip2/data/sources/visual_genome.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "blip2/base/error.h"
#include "blip2/base/json_fields.h"
#include "blip2/base/python_json.h"
#include "blip2/data/sources/file_sequence.h"
#include "blip2/data/sources/json_list.h"

namespace blip2 {
namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

bool has_regions(const Json& entry) {
  return entry.is_object() && entry.contains("regions") && entry["regions"].is_array() &&
         entry.contains("id") && entry["id"].is_number();
}

bool is_region_file(const fs::path& path) {
  const TextFile file(path);
  const auto first = try_parse_json<Json>(first_json_element(file.text(), path.string()));
  return first && has_regions(*first);
}

/// The pictures of one file and how many regions come before each.
class RegionFile {
 public:
  explicit RegionFile(const fs::path& path) : file_(path) {
    const JsonList& list = file_.list();
    first_.reserve(static_cast<size_t>(list.size()) + 1);
    for (int64_t picture = 0; picture < list.size(); ++picture) {
      first_.push_back(size_);
      size_ += static_cast<int64_t>(entry(picture)["regions"].size());
    }
    first_.push_back(size_);
  }

  const fs::path& path() const { return file_.path(); }
  int64_t size() const { return size_; }

  /// By picture: its regions are parsed once already, to count them.
  void list(const EntryCallback& entry) const {
    const JsonList& list = file_.list();
    for (int64_t picture = 0; picture < list.size(); ++picture) entry(list.element(picture));
  }

  Record record(int64_t index, const RecordRules& rules) const {
    const auto after = std::ranges::upper_bound(first_, index);
    const int64_t picture = after - first_.begin() - 1;
    const int64_t region = index - first_[static_cast<size_t>(picture)];
    const Json json = entry(picture);
    const Json& found = json["regions"][static_cast<size_t>(region)];
    if (!found.is_object() || !found.contains("phrase") || !found["phrase"].is_string()) {
      fail(ErrorCode::kCorruptData, "{}: regions[{}]: expected a \"phrase\"",
           file_.list().where(picture), region);
    }
    Record record;
    const std::string id = as_id(json["id"], file_.list().where(picture) + ": id");
    const fs::path second = rules.images / "VG_100K_2" / (id + ".jpg");
    std::error_code error;
    record.image = rules.images / "VG_100K" / (id + ".jpg");
    if (!fs::exists(record.image, error) && fs::exists(second, error)) record.image = second;
    record.key = record.image.lexically_relative(rules.images).string();
    record.captions = {found["phrase"].get<std::string>()};
    require_utf8(record.captions.front(),
                 fmt::format("{}: regions[{}]: phrase", file_.list().where(picture), region));
    record.image_id = id;
    return record;
  }

 private:
  Json entry(int64_t picture) const {
    Json json = parse_json<Json>(file_.list().element(picture), file_.list().where(picture),
                                 "a JSON object");
    if (!has_regions(json)) {
      fail(ErrorCode::kCorruptData, "{}: expected an object with \"id\" and \"regions\"",
           file_.list().where(picture));
    }
    return json;
  }

  JsonListFile file_;
  std::vector<int64_t> first_;
  int64_t size_ = 0;
};

}  // namespace

std::unique_ptr<Source> open_visual_genome(const std::vector<fs::path>& files,
                                           const RecordRules& rules) {
  if (is_region_file(files.front()))
    return std::make_unique<FileSequence<RegionFile>>(files, rules);
  return open_json_lists(files, rules);
}

}  // namespace blip2
