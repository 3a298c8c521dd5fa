// Joins questions and answers by their ids; both are parsed on demand.
#include "blip2/data/sources/vqa.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "blip2/base/error.h"
#include "blip2/base/json_fields.h"
#include "blip2/base/python_json.h"
#include "blip2/data/sources/annotation_layout.h"

namespace blip2 {
namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

[[noreturn]] void refuse_layout(const TextFile& file) {
  const std::string found = other_layout(file.text(), "vqav2");
  fail(ErrorCode::kCorruptData, "{}: expected an official VQA file of questions or annotations{}",
       file.path().string(), found.empty() ? "" : ", found " + found);
}

/// Where the list `name` starts.
size_t vqa_list(const TextFile& file, const char* name) {
  const size_t at = skip_json_space(file.text(), 0);
  if (at < file.text().size() && file.text()[at] == '{') {
    const auto members = json_members(file.text(), file.path().string());
    if (const auto member = members.find(name); member != members.end()) return member->second;
  }
  refuse_layout(file);
}

/// A member that is a string; "" of a file that does not say.
std::string vqa_text(std::string_view text, const std::string& where, const char* name) {
  const auto members = json_members(text, where);
  const auto member = members.find(name);
  if (member == members.end()) return "";
  const size_t end = skip_json_value(text, member->second, where);
  const auto json = try_parse_json<Json>(text.substr(member->second, end - member->second));
  return json && json->is_string() ? json->get<std::string>() : "";
}

/// The list of answers, found by question_id.
class VqaAnswers {
 public:
  explicit VqaAnswers(const fs::path& path)
      : file_(path),
        list_(file_.text(), vqa_list(file_, "annotations"), path.string() + ": annotations") {
    for (int64_t i = 0; i < list_.size(); ++i) {
      const auto json = try_parse_json<Json>(list_.element(i));
      if (!json || !json->is_object() || !json->contains("question_id")) continue;
      places_.emplace(as_id((*json)["question_id"], list_.where(i) + ": question_id"), i);
    }
  }

  /// The answers to a question; none where it is not in this file.
  std::vector<std::string> answers(const std::string& question_id) const {
    const auto place = places_.find(question_id);
    if (place == places_.end()) return {};
    const std::string where = list_.where(place->second);
    const Json json = parse_json<Json>(list_.element(place->second), where, "a JSON object");
    const JsonFields fields(json, where);
    std::vector<std::string> answers;
    if (!fields.has("answers")) answers.push_back(fields.text("multiple_choice_answer"));
    if (fields.has("answers")) {
      for (const Json& one : fields.array("answers")) {
        answers.push_back(JsonFields(one, fields.where("answers")).text("answer"));
      }
    }
    for (const std::string& answer : answers) require_utf8(answer, fields.where("answers"));
    return answers;
  }

 private:
  TextFile file_;
  JsonList list_;
  std::unordered_map<std::string, int64_t> places_;
};

class VqaSource final : public Source {
 public:
  VqaSource(const std::vector<fs::path>& files, RecordRules rules) : rules_(std::move(rules)) {
    for (const fs::path& file : files) {
      const TextFile text(file);
      const AnnotationLayout layout = annotation_layout(text.text());
      if (layout.what == kVqaQuestionFile) {
        questions_.push_back(std::make_unique<const VqaQuestionFile>(file));
        size_ += questions_.back()->size();
      } else if (layout.format == "vqav2") {
        answers_.push_back(std::make_unique<const VqaAnswers>(file));
      } else {
        refuse_layout(text);
      }
    }
    if (questions_.empty()) {
      fail(ErrorCode::kInvalidArgument,
           "{}: expected a file of questions beside the annotations "
           "(v2_OpenEnded_mscoco_train2014_questions.json), found none",
           files.front().string());
    }
    if (answers_.empty() && rules_.missing_caption == MissingCaption::kRefused) {
      fail(ErrorCode::kInvalidArgument,
           "{}: expected a file of annotations beside the questions "
           "(v2_mscoco_train2014_annotations.json), found none",
           files.front().string());
    }
  }

  int64_t size() const override { return size_; }

  Record record(int64_t index) const override {
    BLIP2_CHECK(index >= 0 && index < size_);
    size_t number = 0;
    for (; index >= questions_[number]->size(); ++number) index -= questions_[number]->size();
    const VqaQuestionFile& file = *questions_[number];
    VqaQuestionFile::Question asked = file.question(index);
    Record record;
    record.key = asked.question_id;
    record.listed_in = file.path();
    record.image_id = asked.image_id;
    record.image = file.picture(asked.image_id,
                                rules_.images.empty() ? file.path().parent_path() : rules_.images);
    record.question = std::move(asked.text);
    for (size_t i = 0; i < answers_.size() && record.captions.empty(); ++i) {
      record.captions = answers_[i]->answers(asked.question_id);
    }
    if (record.captions.empty() && rules_.missing_caption == MissingCaption::kRefused) {
      fail(ErrorCode::kCorruptData,
           "{}: expected answers to question {} in the annotations, found none", file.where(index),
           asked.question_id);
    }
    return record;
  }

 private:
  RecordRules rules_;
  std::vector<std::unique_ptr<const VqaQuestionFile>> questions_;
  std::vector<std::unique_ptr<const VqaAnswers>> answers_;
  int64_t size_ = 0;
};

}  // namespace

VqaQuestionFile::VqaQuestionFile(const fs::path& path)
    : file_(path),
      list_(file_.text(), vqa_list(file_, "questions"), path.string() + ": questions"),
      data_type_(vqa_text(file_.text(), path.string(), "data_type")),
      data_subtype_(vqa_text(file_.text(), path.string(), "data_subtype")) {
  if (data_subtype_ == "test-dev2015") data_subtype_ = "test2015";  // its pictures are in there
}

VqaQuestionFile::Question VqaQuestionFile::question(int64_t index) const {
  const std::string where = list_.where(index);
  const Json json = parse_json<Json>(list_.element(index), where, "a JSON object");
  const JsonFields fields(json, where);
  const std::string text = fields.text("question");
  require_utf8(text, fields.where("question"));
  return {text, as_id(fields.need("question_id"), fields.where("question_id")),
          as_id(fields.need("image_id"), fields.where("image_id"))};
}

fs::path VqaQuestionFile::picture(const std::string& image_id, const fs::path& images) const {
  const bool is_abstract = data_type_.starts_with("abstract");
  const std::string digits =
      std::string(12 - std::min<size_t>(12, image_id.size()), '0') + image_id;
  const std::string prefix = is_abstract ? data_type_ + "_" : data_subtype_.empty() ? "" : "COCO_";
  const std::string part = data_subtype_.empty() ? "" : data_subtype_ + "_";
  const std::string extension = is_abstract ? ".png" : ".jpg";
  const std::string name = prefix + part + digits + extension;
  return first_existing({images / name, images / data_subtype_ / name,
                         images / (digits + extension),
                         images / data_subtype_ / (digits + extension)});
}

bool is_vqa_question_file(std::string_view text) {
  return annotation_layout(text).what == kVqaQuestionFile;
}

std::unique_ptr<Source> open_vqa(const std::vector<fs::path>& files, const RecordRules& rules) {
  return std::make_unique<VqaSource>(files, rules);
}

}  // namespace blip2
