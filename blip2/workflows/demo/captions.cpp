// Replacements over bytes. Characters outside ASCII are kept, except typographic marks.
#include "blip2/workflows/demo/captions.h"

#include <algorithm>
#include <array>
#include <utility>

namespace blip2 {

namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kPlainMarks = {{
    {"\u2018", "'"},  // single quotation marks and apostrophe
    {"\u2019", "'"},
    {"\u201c", ""},  // double quotation marks
    {"\u201d", ""},
    {"\"", ""},
    {"\u2013", "-"},    // en dash
    {"\u2014", " - "},  // em dash
    {"\u2026", "..."},  // ellipsis
}};

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80;
}

std::string with_single_spaces(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (!is_space(c)) {
      result += c;
    } else if (!result.empty() && result.back() != ' ') {
      result += ' ';
    }
  }
  if (result.ends_with(' ')) result.pop_back();
  return result;
}

}  // namespace

std::string tidy_caption(std::string_view text) {
  std::string plain;
  while (!text.empty()) {
    const auto mark = std::ranges::find_if(
        kPlainMarks, [&](const auto& candidate) { return text.starts_with(candidate.first); });
    if (mark != kPlainMarks.end()) {
      plain += mark->second;
      text.remove_prefix(mark->first.size());
    } else {
      const char c = text.front();
      plain += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      text.remove_prefix(1);
    }
  }
  plain = with_single_spaces(plain);
  while (!plain.empty() && std::string_view(".!- ").find(plain.back()) != std::string_view::npos) {
    plain.pop_back();
  }
  plain.erase(0, std::min(plain.find_first_not_of("- "), plain.size()));
  return plain;
}

std::string_view first_sentence(std::string_view text) {
  for (size_t i = 0; i + 1 < text.size(); ++i) {
    const bool ends = text[i] == '.' || text[i] == '!' || text[i] == '?';
    if (ends && is_space(text[i + 1])) return text.substr(0, i + 1);
  }
  return text;
}

std::string caption_group(std::string_view caption) {
  std::string words(caption);
  std::ranges::replace_if(words, [](char c) { return !is_letter_or_digit(c); }, ' ');
  words = with_single_spaces(words);
  for (const std::string_view article : {"a ", "an ", "the "}) {
    if (words.starts_with(article) && words.size() > article.size()) {
      words.erase(0, article.size());
      break;
    }
  }
  const bool plural = words.size() > 3 && words.ends_with('s') && !words.ends_with("ss");
  if (plural) words.pop_back();
  return words.empty() ? std::string(caption) : words;
}

}  // namespace blip2
