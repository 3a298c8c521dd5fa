// A recursive descent parser with Python's extensions.
#include "blip2/base/python_json.h"

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/base/text_file.h"
#include "blip2/base/utf8.h"

namespace blip2 {
namespace {

constexpr int kDeepest = 1000;  // Python's own limit

/// Where a text stops being JSON.
struct JsonFault {
  size_t byte = 0;
  bool is_encoding = false;  // bytes that are not UTF-8, and not a syntax error
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

template <typename Json>
class PythonJsonParser {
 public:
  explicit PythonJsonParser(std::string_view text) : text_(text) {}

  Json parse() {
    Json value = parse_value();
    skip_space();
    if (at_ != text_.size()) refuse();
    return value;
  }

 private:
  [[noreturn]] void refuse() const { throw JsonFault{at_}; }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (peek() != c || at_ == text_.size()) return false;
    ++at_;
    return true;
  }
  bool take_word(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  void skip_space() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }

  Json parse_value() {
    skip_space();
    switch (peek()) {
      case '{':
        return parse_object();
      case '[':
        return parse_array();
      case '"':
        return Json(parse_string());
      default:
        return parse_scalar();
    }
  }

  Json parse_scalar() {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    if (take_word("true")) return Json(true);
    if (take_word("false")) return Json(false);
    if (take_word("null")) return Json(nullptr);
    if (take_word("NaN")) return Json(std::numeric_limits<double>::quiet_NaN());
    if (take_word("Infinity")) return Json(kInfinity);
    if (take_word("-Infinity")) return Json(-kInfinity);
    return parse_number();
  }

  void enter() {
    if (++depth_ > kDeepest) refuse();
    ++at_;
    skip_space();
  }

  Json parse_object() {
    typename Json::object_t object;
    enter();
    while (!take('}')) {
      if (!object.empty()) {
        if (!take(',')) refuse();
        skip_space();
      }
      if (peek() != '"') refuse();
      std::string key = parse_string();
      skip_space();
      if (!take(':')) refuse();
      Json value = parse_value();
      object[std::move(key)] = std::move(value);
      skip_space();
    }
    --depth_;
    return Json(std::move(object));
  }

  Json parse_array() {
    typename Json::array_t array;
    enter();
    while (!take(']')) {
      if (!array.empty() && !take(',')) refuse();
      array.push_back(parse_value());
      skip_space();
    }
    --depth_;
    return Json(std::move(array));
  }

  std::string parse_string() {
    std::string value;
    for (++at_;;) {
      const size_t start = at_;
      while (at_ < text_.size() && is_plain(text_[at_])) ++at_;
      value += text_.substr(start, at_ - start);
      if (take('"')) return value;
      if (take('\\')) {
        parse_escape(value);
      } else if (static_cast<uint8_t>(peek()) >= 0x80) {
        const Utf8Unit unit = utf8_unit_at(text_, at_);
        if (!unit.is_valid) throw JsonFault{at_, true};
        value += text_.substr(at_, unit.length);
        at_ += unit.length;
      } else {
        refuse();  // a control character, or the end
      }
    }
  }

  static bool is_plain(char c) {
    const auto byte = static_cast<uint8_t>(c);
    return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
  }

  void parse_escape(std::string& value) {
    constexpr std::string_view kNames = "\"\\/bfnrt", kValues = "\"\\/\b\f\n\r\t";
    if (take('u')) {
      append_utf8(value, parse_escaped_code_point());
      return;
    }
    const size_t place = at_ < text_.size() ? kNames.find(peek()) : std::string_view::npos;
    if (place == std::string_view::npos) refuse();
    value += kValues[place];
    ++at_;
  }

  char32_t parse_escaped_code_point() {
    const char32_t unit = parse_four_digits();
    if (unit < 0xD800 || unit >= 0xDC00 || !text_.substr(at_).starts_with("\\u")) return unit;
    const size_t behind = at_;
    at_ += 2;
    const char32_t low = parse_four_digits();
    if (low >= 0xDC00 && low < 0xE000) return 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
    at_ = behind;  // two that do not belong together
    return unit;
  }

  char32_t parse_four_digits() {
    uint32_t value = 0;
    const char* start = text_.data() + at_;
    const char* end = start + std::min<size_t>(4, text_.size() - at_);
    const auto result = std::from_chars(start, end, value, 16);
    if (result.ptr != start + 4) refuse();
    at_ += 4;
    return value;
  }

  void skip_digits() {
    if (!is_digit(peek())) refuse();
    while (is_digit(peek())) ++at_;
  }

  Json parse_number() {
    const size_t start = at_;
    take('-');
    if (!take('0')) skip_digits();
    const size_t end_of_integer = at_;
    if (take('.')) skip_digits();
    if (peek() == 'e' || peek() == 'E') {
      ++at_;
      if (!take('-')) take('+');
      skip_digits();
    }
    const std::string digits(text_.substr(start, at_ - start));
    if (at_ == end_of_integer) {
      if (const auto integer = whole<uint64_t>(digits)) return Json(*integer);
      if (const auto integer = whole<int64_t>(digits)) return Json(*integer);
    }
    return Json(std::strtod(digits.c_str(), nullptr));  // beyond its range, an infinity
  }

  template <typename Integer>
  static std::optional<Integer> whole(const std::string& digits) {
    Integer value{};
    const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return result.ec == std::errc() ? std::optional(value) : std::nullopt;
  }

  std::string_view text_;
  size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

template <typename Json>
Json parse_json(std::string_view text, const std::string& where, std::string_view expected) {
  try {
    return PythonJsonParser<Json>(text).parse();
  } catch (const JsonFault& fault) {
    if (fault.is_encoding) refuse_encoding(text, fault.byte, where);
    fail(ErrorCode::kCorruptData, "{}: expected {}, found a syntax error at byte {} of {}", where,
         expected, fault.byte, text.size());
  }
}

template <typename Json>
std::optional<Json> try_parse_json(std::string_view text) {
  try {
    return PythonJsonParser<Json>(text).parse();
  } catch (const JsonFault&) {
    return std::nullopt;
  }
}

template nlohmann::json parse_json(std::string_view, const std::string&, std::string_view);
template nlohmann::ordered_json parse_json(std::string_view, const std::string&, std::string_view);
template std::optional<nlohmann::json> try_parse_json(std::string_view);
template std::optional<nlohmann::ordered_json> try_parse_json(std::string_view);

}  // namespace blip2
