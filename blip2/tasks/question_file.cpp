#include "blip2/tasks/question_file.h"

#include <map>
#include <nlohmann/json.hpp>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/base/json_text.h"

namespace blip2 {
namespace {
using Json = nlohmann::json;

std::string text_of(const Json& row, const char* key, const std::string& where) {
  const auto found = row.find(key);
  if (found == row.end() || !found->is_string()) {
    fail(ErrorCode::kCorruptData, "{}: expected \"{}\", a string", where, key);
  }
  return found->get<std::string>();
}

}  // namespace

std::vector<QuestionedImage> read_questions_of(const std::filesystem::path& path) {
  const std::string content = read_file(path);
  std::vector<QuestionedImage> images;
  std::map<std::string, size_t> places;
  size_t line_number = 0;
  for (size_t begin = 0; begin < content.size();) {
    const size_t end = std::min(content.find('\n', begin), content.size());
    const std::string line = content.substr(begin, end - begin);
    begin = end + 1;
    ++line_number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const std::string where = fmt::format("{}:{}", path.string(), line_number);
    const Json row = Json::parse(line, nullptr, false);
    if (!row.is_object()) {
      fail(ErrorCode::kCorruptData, R"({}: expected {{"image", "question"}})", where);
    }
    AskedQuestion asked{text_of(row, "question", where), ""};
    if (row.contains("question_id")) {
      const Json& id = row["question_id"];
      if (!id.is_string() && !id.is_number_integer()) {
        fail(ErrorCode::kCorruptData, "{}: question_id: expected a string or a whole number",
             where);
      }
      asked.question_id = json_on_one_line(id);
    }
    std::filesystem::path image = text_of(row, "image", where);
    if (image.is_relative()) image = path.parent_path() / image;
    const auto [place, is_new] = places.emplace(image.string(), images.size());
    if (is_new) images.push_back({image.string(), {}});
    images[place->second].questions.push_back(std::move(asked));
  }
  if (images.empty()) fail(ErrorCode::kCorruptData, "{}: expected questions", path.string());
  return images;
}

}  // namespace blip2
