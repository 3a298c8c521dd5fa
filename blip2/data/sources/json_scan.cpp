// Elements found by matching brackets.
#include "blip2/data/sources/json_scan.h"

#include <algorithm>

#include "blip2/base/error.h"

namespace blip2 {

namespace {

[[noreturn]] void cut_short(std::string_view text, const std::string& where, const char* expected) {
  fail(ErrorCode::kCorruptData, "{}: expected {}, found a syntax error at byte {} of {}", where,
       expected, text.size(), text.size());
}

/// Behind the string whose opening quote is at `position`.
size_t skip_string(std::string_view text, size_t position, const std::string& where) {
  for (size_t i = position + 1; i < text.size(); ++i) {
    i = text.find_first_of("\\\"", i);
    if (i == std::string_view::npos) break;
    if (text[i] == '"') return i + 1;
    ++i;  // what a backslash protects
  }
  cut_short(text, where, "the end of a string");
}

const char* kind_of(std::string_view text, size_t position) {
  if (position >= text.size()) return "nothing";
  switch (text[position]) {
    case '{':
      return "object";
    case '"':
      return "string";
    default:
      return "no JSON list";
  }
}

/// Behind the bracket, and the white space after it, of the list that starts at `position`.
size_t enter_list(std::string_view text, size_t position, const std::string& where) {
  const size_t at = skip_json_space(text, position);
  if (at >= text.size() || text[at] != '[') {
    fail(ErrorCode::kCorruptData, "{}: expected a JSON list, found {}", where, kind_of(text, at));
  }
  return skip_json_space(text, at + 1);
}

}  // namespace

size_t skip_json_space(std::string_view text, size_t position) {
  return std::min(text.find_first_not_of(" \t\r\n", position), text.size());
}

size_t skip_json_value(std::string_view text, size_t position, const std::string& where) {
  int64_t depth = 0;
  for (size_t i = position; i < text.size();) {
    i = depth == 0 ? i : std::min(text.find_first_of("\"[]{}", i), text.size());
    if (i == text.size()) break;
    const char c = text[i];
    if (c == '"') {
      i = skip_string(text, i, where);
    } else if (c == '[' || c == '{') {
      ++depth;
      ++i;
    } else if (c == ']' || c == '}') {
      if (depth == 0) return i;
      --depth;
      ++i;
    } else {  // a number or a word, at depth 0
      i = std::min(text.find_first_of(" \t\r\n,]}:", i + 1), text.size());
    }
    if (depth == 0) return i;
  }
  cut_short(text, where, "the end of a value");
}

JsonList::JsonList(std::string_view text, size_t position, std::string where)
    : text_(text), where_(std::move(where)) {
  size_t at = enter_list(text, position, where_);
  while (at < text.size() && text[at] != ']') {
    starts_.push_back(at);
    const size_t end = skip_json_space(text, skip_json_value(text, at, where_));
    if (end == at || (end < text.size() && text[end] != ',' && text[end] != ']')) {
      fail(ErrorCode::kCorruptData,
           "{}: expected a JSON list, found a syntax error at byte {} of {}", where_, end,
           text.size());
    }
    at = end;
    if (at < text.size() && text[at] == ',') at = skip_json_space(text, at + 1);
  }
  if (at >= text.size()) cut_short(text, where_, "a JSON list");
  end_ = at + 1;
}

std::map<std::string, size_t, std::less<>> json_members(std::string_view text,
                                                        const std::string& where) {
  std::map<std::string, size_t, std::less<>> members;
  const auto expect = [&](size_t at, char character) {
    if (at >= text.size() || text[at] != character) {
      fail(ErrorCode::kCorruptData, "{}: expected an object, found a syntax error at byte {} of {}",
           where, at, text.size());
    }
    return skip_json_space(text, at + 1);
  };
  size_t at = expect(skip_json_space(text, 0), '{');
  while (at < text.size() && text[at] != '}') {
    expect(at, '"');
    const size_t end = skip_json_value(text, at, where);
    const std::string name(text.substr(at + 1, end - at - 2));
    at = expect(skip_json_space(text, end), ':');
    members[name] = at;
    at = skip_json_space(text, skip_json_value(text, at, where));
    if (at < text.size() && text[at] != '}') at = expect(at, ',');
  }
  expect(at, '}');
  return members;
}

std::string_view first_json_element(std::string_view text, const std::string& where) {
  const size_t start = enter_list(text, 0, where);
  if (start >= text.size() || text[start] == ']') return {};
  return text.substr(start, skip_json_value(text, start, where) - start);
}

std::string_view JsonList::element(int64_t index) const {
  BLIP2_CHECK(index >= 0 && index < size());
  const size_t start = starts_[static_cast<size_t>(index)];
  return text_.substr(start, skip_json_value(text_, start, where_) - start);
}

std::string JsonList::where(int64_t index) const { return fmt::format("{}[{}]", where_, index); }

}  // namespace blip2
