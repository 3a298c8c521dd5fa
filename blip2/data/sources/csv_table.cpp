// Splits rows by the rules of Python's csv module.
#include "blip2/data/sources/csv_table.h"

#include <algorithm>

#include "blip2/base/error.h"
#include "blip2/base/utf8.h"

namespace blip2 {

namespace {

char likely_separator(std::string_view text) {
  const std::string_view header = text.substr(0, text.find_first_of("\r\n"));
  char best = ',';
  int64_t most = 0;
  for (const char separator : {'\t', ',', ';'}) {
    const int64_t count = std::ranges::count(header, separator);
    if (count > most) {
      best = separator;
      most = count;
    }
  }
  return best;
}

}  // namespace

CsvTable::CsvTable(const std::filesystem::path& path, char separator)
    : file_(path),
      separator_(separator == 0 ? likely_separator(file_.text()) : separator),
      last_quote_(file_.text().rfind('"')) {
  const size_t first = next_row(0);
  if (first >= text().size()) {
    fail(ErrorCode::kCorruptData, "{}: expected a first line with the names of columns, found none",
         path.string());
  }
  Fields header = split(first);
  columns_ = std::move(header.values);
  for (size_t start = next_row(header.end); start < text().size();) {
    starts_.push_back(start);
    start = next_row(split(start).end);
  }
}

/// The start of the first row at or after `start`, past blank lines.
size_t CsvTable::next_row(size_t start) const {
  return std::min(text().find_first_not_of("\r\n", start), text().size());
}

/// Moves past a field's quoted part, whose opening quote is at `at`.
void CsvTable::take_quoted(size_t& at, std::string& value, bool& is_whole) const {
  const size_t start = at + 1;
  for (size_t quote = at; quote < last_quote_;) {
    quote = text().find('"', quote + 1);
    value += text().substr(at + 1, quote - at - 1);
    at = quote + 1;
    if (at >= text().size() || text()[at] != '"') return;
    value += '"';  // doubled
    quote = at;
  }
  // It does not end: the row is its first line.
  is_whole = false;
  at = std::min(text().find_first_of("\r\n", start), text().size());
}

CsvTable::Fields CsvTable::split(size_t start) const {
  const char stops[] = {separator_, '\r', '\n', '\0'};
  Fields fields;
  size_t at = start;
  for (bool more = true; more;) {
    std::string& value = fields.values.emplace_back();
    if (at < text().size() && text()[at] == '"') take_quoted(at, value, fields.is_whole);
    const size_t end = std::min(text().find_first_of(stops, at, 3), text().size());
    value += text().substr(at, end - at);
    more = end < text().size() && text()[end] == separator_;
    at = end + 1;
  }
  fields.end = std::min(at, text().size());
  return fields;
}

std::vector<std::string> CsvTable::row(int64_t index) const {
  BLIP2_CHECK(index >= 0 && index < size());
  Fields fields = split(starts_[static_cast<size_t>(index)]);
  if (!fields.is_whole) {
    fail(ErrorCode::kCorruptData,
         "{}: expected the end of a quoted field, found the end of the file", where(index));
  }
  if (fields.values.size() != columns_.size()) {
    fail(ErrorCode::kCorruptData, "{}: expected {} columns, as the first line names, found {}",
         where(index), columns_.size(), fields.values.size());
  }
  for (const std::string& value : fields.values) {
    const bool is_text = is_valid_utf8(value) && value.find('\0') == std::string::npos;
    if (!is_text) require_text(value, where(index));
  }
  return std::move(fields.values);
}

std::string_view CsvTable::line(int64_t index) const {
  BLIP2_CHECK(index >= 0 && index < size());
  const auto row = static_cast<size_t>(index);
  const size_t end = row + 1 < starts_.size() ? starts_[row + 1] : text().size();
  return text().substr(starts_[row], end - starts_[row]);
}

std::string CsvTable::where(int64_t index) const {
  const std::string_view before = text().substr(0, starts_[static_cast<size_t>(index)]);
  return fmt::format("{}:{}", path().string(), 1 + std::ranges::count(before, '\n'));
}

int64_t CsvTable::find_column(const std::vector<std::string>& names) const {
  for (const std::string& name : names) {
    const auto column = std::ranges::find(columns_, name);
    if (column != columns_.end()) return column - columns_.begin();
  }
  return -1;
}

}  // namespace blip2
