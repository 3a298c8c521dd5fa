// Names of pictures in memory, annotations parsed on demand.
#include "blip2/data/sources/coco.h"

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <unordered_map>

#include "blip2/base/error.h"
#include "blip2/base/json_fields.h"
#include "blip2/base/python_json.h"
#include "blip2/data/sources/annotation_layout.h"
#include "blip2/data/sources/file_sequence.h"
#include "blip2/data/sources/json_record.h"
#include "blip2/data/sources/json_scan.h"

namespace blip2 {
namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

/// "val2014" of captions_val2014.json; "" of another name.
std::string part_of(const fs::path& file) {
  const std::string stem = file.stem().string();
  const size_t underscore = stem.rfind('_');
  return underscore == std::string::npos ? "" : stem.substr(underscore + 1);
}

class CocoFile {
 public:
  explicit CocoFile(const fs::path& path) : file_(path), part_(part_of(path)) {
    const AnnotationLayout layout = annotation_layout(file_.text());
    if (layout.format != "coco") {
      const std::string found = other_layout(file_.text(), "coco");
      fail(ErrorCode::kCorruptData, "{}: expected COCO's captions, an object of images and {}{}",
           path.string(), "annotations with captions", found.empty() ? "" : ", found " + found);
    }
    const auto members = json_members(file_.text(), path.string());
    const JsonList images(file_.text(), members.at("images"), path.string() + ": images");
    for (int64_t i = 0; i < images.size(); ++i) add_image(images, i);
    images_ = file_.text().substr(members.at("images"), images.end() - members.at("images"));
    annotations_.emplace(file_.text(), members.at("annotations"), path.string() + ": annotations");
  }

  const fs::path& path() const { return file_.path(); }
  int64_t size() const { return annotations_->size(); }

  Record record(int64_t index, const RecordRules& rules) const {
    const std::string where = annotations_->where(index);
    const Json json = parse_json<Json>(annotations_->element(index), where, "a JSON object");
    const JsonFields fields(json, where);
    Record record;
    record.image_id = as_id(fields.need("image_id"), fields.where("image_id"));
    const auto name = names_.find(record.image_id);
    if (name == names_.end()) {
      fail(ErrorCode::kCorruptData, "{}: expected an image_id that is among the images, found {}",
           where, record.image_id);
    }
    record.key = name->second;
    record.image =
        first_existing({rules.images / name->second, rules.images / part_ / name->second});
    record.captions = captions_in_json(fields.find("caption"), where, rules.missing_caption);
    return record;
  }
  std::string_view fields(int64_t index) const { return annotations_->element(index); }
  /// The annotations, then the list of images.
  void list(const EntryCallback& entry) const {
    for (int64_t index = 0; index < size(); ++index) entry(fields(index));
    entry(images_);
  }

 private:
  /// An entry that is not well-formed leaves its annotations without a picture.
  void add_image(const JsonList& images, int64_t index) {
    const auto json = try_parse_json<Json>(images.element(index));
    if (!json || !json->is_object() || !json->contains("id")) return;
    const auto name = json->find("file_name");
    if (name == json->end() || !name->is_string()) return;
    names_[as_id((*json)["id"], images.where(index) + ": id")] =
        path_in_json(name->get<std::string>());
  }

  TextFile file_;
  std::string part_;
  std::unordered_map<std::string, std::string> names_;  // of pictures, by their ids
  std::optional<JsonList> annotations_;
  std::string_view images_;  // of the text
};

}  // namespace

std::unique_ptr<Source> open_coco(const std::vector<fs::path>& files, const RecordRules& rules) {
  return std::make_unique<FileSequence<CocoFile>>(files, rules);
}

}  // namespace blip2
