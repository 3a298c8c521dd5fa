// Parses a file of questions one by one, and keeps those that fail apart.
#include "blip2/tasks/question_file.h"

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "blip2/base/error.h"
#include "blip2/base/json_fields.h"
#include "blip2/base/json_text.h"
#include "blip2/base/python_json.h"
#include "blip2/base/text_file.h"
#include "blip2/data/sources/annotation_layout.h"
#include "blip2/data/sources/json_record.h"
#include "blip2/data/sources/json_scan.h"
#include "blip2/data/sources/vqa.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {
using Json = nlohmann::json;

/// A question and its picture, filled as far as they can be read.
struct ReadQuestion {
  std::string image;
  AskedQuestion asked;
};

std::string question_id_of(const JsonFields& fields) {
  const Json* id = fields.find("question_id");
  if (id == nullptr || (id->is_number_float() && std::isnan(id->get<double>()))) return "";
  const std::string text = as_id(*id, fields.where("question_id"));
  return id->is_string() ? json_on_one_line(Json(text)) : text;
}

std::string text_of_question(const JsonFields& fields, const char* key) {
  const std::string text = fields.text(key);
  require_utf8(text, fields.where(key));
  return text;
}

/// Fills `read` from an object. Throws kCorruptData; then it holds what could be read.
void read_question(std::string_view text, const std::string& where, ReadQuestion& read) {
  const Json row = parse_json<Json>(text, where, R"({"image", "question"})");
  if (!row.is_object()) {
    fail(ErrorCode::kCorruptData, R"({}: expected {{"image", "question"}})", where);
  }
  const JsonFields fields(row, where);
  if (row.contains("image") && row["image"].is_string()) {
    read.image = path_in_json(fields.text("image"));
  }
  read.asked.question_id = question_id_of(fields);
  read.asked.question = text_of_question(fields, "question");
  read.image = path_in_json(fields.text("image"));
}

/// Gathers questions under their pictures.
class QuestionGatherer {
 public:
  explicit QuestionGatherer(fs::path images) : images_(std::move(images)) {}

  /// Calls fill(read) for the next question of the file; what it throws makes a bad line.
  template <typename Fill>
  void add(const std::string& where, size_t line, const Fill& fill) {
    ReadQuestion read;
    read.asked.line = line;
    read.asked.place = place_++;
    read.asked.where = where;
    try {
      fill(read);
    } catch (const Error& error) {
      file_.bad_lines.push_back({read.image, std::move(read.asked), error.what()});
      return;
    }
    const fs::path image = read.image;
    const std::string path = image.is_relative() ? (images_ / image).string() : image.string();
    const auto [place, is_new] = places_.emplace(path, file_.images.size());
    if (is_new) file_.images.push_back({path, {}});
    file_.images[place->second].questions.push_back(std::move(read.asked));
  }

  void add_lines(std::string_view text, const fs::path& path) {
    size_t number = 0;
    for (const std::string_view line : split_lines(text)) {
      const std::string where = fmt::format("{}:{}", path.string(), ++number);
      if (line.find_first_not_of(" \t") == std::string_view::npos) continue;
      add(where, number, [&](ReadQuestion& read) { read_question(line, where, read); });
    }
  }

  void add_list(std::string_view text, const fs::path& path) {
    const JsonList list(text, 0, path.string());
    for (int64_t i = 0; i < list.size(); ++i) {
      const std::string where = list.where(i);
      add(where, 0, [&](ReadQuestion& read) { read_question(list.element(i), where, read); });
    }
  }

  void add_official(const fs::path& path) {
    const VqaQuestionFile official(path);
    for (int64_t i = 0; i < official.size(); ++i) {
      add(official.where(i), 0, [&](ReadQuestion& read) {
        const VqaQuestionFile::Question question = official.question(i);
        read.image = fs::absolute(official.picture(question.image_id, images_)).string();
        read.asked.question = question.text;
        read.asked.question_id = question.question_id;
      });
    }
  }

  QuestionFile take() { return std::move(file_); }

 private:
  fs::path images_;
  QuestionFile file_;
  std::map<std::string, size_t> places_;
  size_t place_ = 0;
};

}  // namespace

QuestionFile read_question_file(const fs::path& path, const fs::path& images) {
  const TextFile file(path);
  const std::string_view text = file.text();
  QuestionGatherer gatherer(images.empty() ? path.parent_path() : images);
  const size_t start = skip_json_space(text, 0);
  if (start < text.size() && text[start] == '[') {
    gatherer.add_list(text, path);
  } else if (is_vqa_question_file(text)) {
    gatherer.add_official(path);
  } else {
    gatherer.add_lines(text, path);
  }
  QuestionFile read = gatherer.take();
  if (!read.images.empty()) return read;
  const std::string found = other_layout(text, "jsonl");
  if (!found.empty() && text.size() > start) {
    fail(ErrorCode::kCorruptData,
         R"({}: expected questions, {{"image", "question", "question_id"?}} a line, found {})",
         path.string(), found);
  }
  if (!read.bad_lines.empty()) fail(ErrorCode::kCorruptData, "{}", read.bad_lines.front().reason);
  fail(ErrorCode::kCorruptData, "{}: expected questions", path.string());
}

}  // namespace blip2
