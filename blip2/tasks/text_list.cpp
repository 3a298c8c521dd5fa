// Reads and splits lists of texts, and says which text is wrong.
#include "blip2/tasks/text_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"
#include "blip2/base/text_file.h"
#include "blip2/base/utf8.h"

namespace blip2 {
namespace {

/// The parts of `text` between separators. A separator at the end starts no further part.
std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(separator, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

std::string without_spaces_around(const std::string& text) {
  constexpr const char* kSpaces = " \t\r";
  const size_t first = text.find_first_not_of(kSpaces);
  return first == std::string::npos
             ? ""
             : text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

/// Whether bytes of a file are a line of text: UTF-8 without control characters except tabs.
bool is_text(const std::string& line) {
  return is_valid_utf8(line) && std::none_of(line.begin(), line.end(), [](char c) {
           return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
         });
}

void require_distinct(const std::vector<std::string>& texts, const TextListWords& words) {
  std::set<std::string> known;
  for (const std::string& text : texts) {
    if (known.insert(text).second) continue;
    fail(ErrorCode::kInvalidArgument, "{}: {} is named twice", words.option, quote(text));
  }
}

}  // namespace

std::vector<std::string> read_text_list(const std::filesystem::path& file,
                                        const TextListWords& words) {
  std::vector<std::string> texts;
  int64_t line = 0;
  const std::string content = read_text_file(file);
  for (const std::string_view part : split_lines(content)) {
    ++line;
    std::string text = without_spaces_around(std::string(part));
    if (text.empty()) continue;
    if (!is_text(text)) {
      fail(ErrorCode::kCorruptData, "{}:{}: expected {} in UTF-8, found other bytes", file.string(),
           line, words.text);
    }
    texts.push_back(std::move(text));
  }
  require_distinct(texts, words);
  return texts;
}

std::vector<std::string> split_text_list(const std::string& list, const TextListWords& words) {
  std::vector<std::string> texts;
  for (const std::string& part : split(list, ',')) {
    texts.push_back(without_spaces_around(part));
    if (texts.back().empty()) {
      fail(ErrorCode::kInvalidArgument, "{}: expected no empty text in {}", words.option,
           quote(list));
    }
  }
  require_distinct(texts, words);
  return texts;
}

std::vector<std::string> split_names(const std::string& list) {
  std::vector<std::string> names = split(list, ',');
  std::erase(names, "");
  return names;
}

}  // namespace blip2
