// Parses a file of questions line by line, and keeps lines that fail apart.
#include "blip2/tasks/question_file.h"

#include <map>
#include <nlohmann/json.hpp>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/base/json_fields.h"
#include "blip2/base/json_text.h"

namespace blip2 {
namespace {
using Json = nlohmann::json;

/// A line's question; `image` becomes its picture. Throws kCorruptData.
AskedQuestion read_question(const std::string& line, const std::string& where,
                            std::filesystem::path& image) {
  const Json row = Json::parse(line, nullptr, false);
  if (!row.is_object()) {
    fail(ErrorCode::kCorruptData, R"({}: expected {{"image", "question"}})", where);
  }
  const JsonFields fields(row, where);
  AskedQuestion asked{fields.text("question"), ""};
  if (row.contains("question_id")) {
    const Json& id = row["question_id"];
    if (!id.is_string() && !id.is_number_integer()) {
      fields.fail_at("question_id", "a string or an integer");
    }
    asked.question_id = json_on_one_line(id);
  }
  image = fields.text("image");
  return asked;
}

}  // namespace

QuestionFile read_question_file(const std::filesystem::path& path) {
  const std::string content = read_file(path);
  QuestionFile file;
  std::map<std::string, size_t> places;
  size_t line_number = 0;
  for (size_t begin = 0; begin < content.size();) {
    const size_t end = std::min(content.find('\n', begin), content.size());
    const std::string line = content.substr(begin, end - begin);
    begin = end + 1;
    ++line_number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    try {
      std::filesystem::path image;
      AskedQuestion asked =
          read_question(line, fmt::format("{}:{}", path.string(), line_number), image);
      asked.line = line_number;
      if (image.is_relative()) image = path.parent_path() / image;
      const auto [place, is_new] = places.emplace(image.string(), file.images.size());
      if (is_new) file.images.push_back({image.string(), {}});
      file.images[place->second].questions.push_back(std::move(asked));
    } catch (const Error& error) {
      file.bad_lines.push_back({line_number, error.what()});
    }
  }
  if (!file.images.empty()) return file;
  if (!file.bad_lines.empty()) fail(ErrorCode::kCorruptData, "{}", file.bad_lines.front().reason);
  fail(ErrorCode::kCorruptData, "{}: expected questions", path.string());
}

}  // namespace blip2
