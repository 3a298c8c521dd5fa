// LAVIS's blip_caption, step by step over code points.
#include "blip2/data/caption_cleaning.h"

#include <algorithm>

#include "blip2/base/utf8.h"
#include "blip2/text/unicode_classes.h"

namespace blip2 {

namespace {

/// What `\s` matches in Python: four control characters more than White_Space.
bool is_python_space(char32_t c) { return is_white_space(c) || (c >= 0x1C && c <= 0x1F); }

/// Cuts before the max_words-th space.
void keep_words(int max_words, std::string& text) {
  size_t end = 0;
  for (int word = 0; word < max_words; ++word) {
    end = text.find(' ', word == 0 ? 0 : end + 1);
    if (end == std::string::npos) return;
  }
  text.resize(end);
}

constexpr std::u32string_view kRemoved = U".!\"()*#:;~";

}  // namespace

std::string clean_caption(std::string_view caption, const CaptionCleaning& options) {
  std::u32string lowered;
  for (const char32_t character : to_code_points(replace_invalid_utf8(caption))) {
    if (kRemoved.find(character) != std::u32string_view::npos) {
      lowered.push_back(U' ');
    } else {
      append_lower_case(lowered, character);
    }
  }
  std::u32string collapsed;
  for (size_t i = 0; i < lowered.size();) {
    size_t end = i;
    while (end < lowered.size() && is_python_space(lowered[end])) ++end;
    const bool run = end - i >= 2;
    collapsed.push_back(run ? U' ' : lowered[i]);
    i = run ? end : i + 1;
  }
  std::string text = to_utf8(collapsed);
  while (text.ends_with('\n')) text.pop_back();
  text.erase(0, std::min(text.find_first_not_of(' '), text.size()));
  while (text.ends_with(' ')) text.pop_back();
  keep_words(options.max_words, text);
  return options.prompt + text;
}

std::string clean_question(std::string_view question, int max_words) {
  std::u32string lowered;
  for (const char32_t character : to_code_points(replace_invalid_utf8(question))) {
    if (kRemoved.find(character) == std::u32string_view::npos) {
      append_lower_case(lowered, character);
    }
  }
  std::string text = to_utf8(lowered);
  while (text.ends_with(' ')) text.pop_back();
  keep_words(max_words, text);
  return text;
}

}  // namespace blip2
