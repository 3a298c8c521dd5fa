// Goes through the images once for their splits, and parses one again when a record of it is asked
// for.
#include "blip2/data/sources/karpathy.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "blip2/base/error.h"
#include "blip2/base/json_fields.h"
#include "blip2/base/python_json.h"
#include "blip2/base/quote.h"
#include "blip2/data/sources/annotation_layout.h"
#include "blip2/data/sources/file_sequence.h"
#include "blip2/data/sources/json_list.h"
#include "blip2/data/sources/json_record.h"

namespace blip2 {
namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

bool is_for_training(const std::string& split) { return split == "train" || split == "restval"; }

class KarpathyFile {
 public:
  KarpathyFile(const fs::path& path, const std::vector<std::string>& splits) : file_(path) {
    if (annotation_layout(file_.text()).format != "coco_karpathy") {
      const std::string found = other_layout(file_.text(), "coco_karpathy");
      fail(ErrorCode::kCorruptData,
           "{}: expected Karpathy's split, an object of images with sentences, or a list of "
           "LAVIS's{}",
           path.string(), found.empty() ? "" : ", found " + found);
    }
    const auto members = json_members(file_.text(), path.string());
    images_.emplace(file_.text(), members.at("images"), path.string() + ": images");
    list_records(splits);
  }

  const fs::path& path() const { return file_.path(); }
  int64_t size() const { return static_cast<int64_t>(places_.size()); }

  Record record(int64_t index, const RecordRules& rules) const {
    const Place place = places_[static_cast<size_t>(index)];
    const std::string where = images_->where(place.image);
    const Json json = parse_json<Json>(images_->element(place.image), where, "a JSON object");
    const JsonFields fields(json, where);
    const fs::path name = path_in_json(fields.text("filename"));
    const fs::path below = fs::path(path_in_json(fields.text("filepath", ""))) / name;
    Record record;
    record.key = below.string();
    record.image = first_existing({rules.images / below, rules.images / name});
    const char* id = fields.has("cocoid") ? "cocoid" : "imgid";
    record.image_id = fields.has(id) ? as_id(fields.need(id), fields.where(id)) : "";
    const Json& sentences = fields.array("sentences");
    for (size_t i = 0; i < sentences.size(); ++i) {
      if (place.sentence >= 0 && static_cast<size_t>(place.sentence) != i) continue;
      const JsonFields sentence(sentences[i], fmt::format("{}: sentences[{}]", where, i));
      for (std::string& caption :
           captions_in_json(sentence.find("raw"), sentence.where("raw"), rules.missing_caption)) {
        record.captions.push_back(std::move(caption));
      }
    }
    return record;
  }

 private:
  struct Place {
    int64_t image = 0;
    int32_t sentence = -1;  // -1: all
  };

  void list_records(const std::vector<std::string>& splits) {
    std::set<std::string> found;
    for (int64_t image = 0; image < images_->size(); ++image) {
      const auto json = try_parse_json<Json>(images_->element(image));
      const std::string split =
          json && json->is_object() && json->contains("split") && (*json)["split"].is_string()
              ? (*json)["split"].get<std::string>()
              : "";
      found.insert(split);
      if (std::ranges::find(splits, split) == splits.end()) continue;
      const auto sentences = json->find("sentences");
      const bool has_list = sentences != json->end() && sentences->is_array();
      if (!is_for_training(split) || !has_list) {
        places_.push_back({image, -1});
        continue;
      }
      for (size_t i = 0; i < sentences->size(); ++i) {
        places_.push_back({image, static_cast<int32_t>(i)});
      }
    }
    if (!places_.empty()) return;
    fail(ErrorCode::kInvalidArgument, "{}: expected images of the split {}, found the splits {}",
         path().string(), fmt::join(splits, ", "), fmt::join(found, ", "));
  }

  TextFile file_;
  std::optional<JsonList> images_;
  std::vector<Place> places_;
};

bool is_list_file(const fs::path& path) {
  const TextFile file(path);
  const size_t at = skip_json_space(file.text(), 0);
  return at < file.text().size() && file.text()[at] == '[';
}

}  // namespace

std::unique_ptr<Source> open_karpathy(const std::vector<fs::path>& files, const RecordRules& rules,
                                      const std::vector<std::string>& splits) {
  if (is_list_file(files.front())) {
    if (splits.empty()) return open_json_lists(files, rules);
    fail(ErrorCode::kInvalidArgument,
         "{}: expected no split for a list, which is of one split, found {}",
         files.front().string(), fmt::join(splits, ", "));
  }
  const std::vector<std::string> wanted =
      splits.empty() ? std::vector<std::string>{"train", "restval"} : splits;
  return std::make_unique<FileSequence<KarpathyFile>>(files, rules, [&](const fs::path& path) {
    return std::make_unique<const KarpathyFile>(path, wanted);
  });
}

}  // namespace blip2
