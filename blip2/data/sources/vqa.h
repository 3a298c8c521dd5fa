// The official files of VQA v1 and v2: questions in one file, answers in another.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "blip2/base/text_file.h"
#include "blip2/data/source.h"
#include "blip2/data/sources/json_scan.h"
#include "blip2/data/sources/record_rules.h"

namespace blip2 {

/// v2_OpenEnded_mscoco_train2014_questions.json: {"data_subtype", "questions": [{"image_id",
/// "question", "question_id"}]}. Thread-safe.
class VqaQuestionFile {
 public:
  /// Throws kCorruptData for another layout, naming what it is.
  explicit VqaQuestionFile(const std::filesystem::path& path);

  struct Question {
    std::string text;
    std::string question_id;
    std::string image_id;
  };

  int64_t size() const { return list_.size(); }
  /// Throws kCorruptData, naming the entry.
  Question question(int64_t index) const;
  std::string where(int64_t index) const { return list_.where(index); }
  const std::filesystem::path& path() const { return file_.path(); }
  /// The picture below `images`, or a folder in it of its part:
  /// train2014/COCO_train2014_000000458752.jpg, or the shorter name that COCO 2017 gives it.
  std::filesystem::path picture(const std::string& image_id,
                                const std::filesystem::path& images) const;

 private:
  TextFile file_;
  JsonList list_;
  std::string data_type_, data_subtype_;
};

/// Whether a text is an official file of questions.
bool is_vqa_question_file(std::string_view text);

/// Question files and annotation files in any order: a record for each question, whose captions are
/// its answers (ten, equal ones among them). Where captions may be missing, annotations may be too.
/// Throws kCorruptData for a file of another layout, kInvalidArgument where one of the two is
/// missing. A question without answers is an unusable record.
std::unique_ptr<Source> open_vqa(const std::vector<std::filesystem::path>& files,
                                 const RecordRules& rules);

}  // namespace blip2
