// A table in a text file: named columns, separated by tabs, commas or semicolons, with fields in
// quotes as spreadsheets and pandas write them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "blip2/base/text_file.h"

namespace blip2 {

/// Rows are found once and split on demand: 8 bytes of memory a row. A field in quotes may hold
/// separators, line ends and doubled quotes; quotes inside a field that does not begin with one are
/// characters. Blank lines are ignored. Thread-safe. (So Python's csv and pandas.)
class CsvTable {
 public:
  /// `separator`: one character; 0: the one of tab, comma and semicolon that the first line has
  /// most of. Throws kCorruptData for a file without a line of names.
  CsvTable(const std::filesystem::path& path, char separator);

  const std::vector<std::string>& columns() const { return columns_; }
  int64_t size() const { return static_cast<int64_t>(starts_.size()); }
  /// As many fields as columns. Throws kCorruptData, naming file and line, for another number, for
  /// a quote that does not end, and for text that is not UTF-8.
  std::vector<std::string> row(int64_t index) const;
  /// The row as it stands in the file, up to the next one.
  std::string_view line(int64_t index) const;
  /// "FILE:LINE" of the row's first line. Counts lines from the start of the file: for messages.
  std::string where(int64_t index) const;
  const std::filesystem::path& path() const { return file_.path(); }
  std::string_view text() const { return file_.text(); }

  /// The first of `names` that is a column; -1 where none is.
  int64_t find_column(const std::vector<std::string>& names) const;

 private:
  struct Fields {
    std::vector<std::string> values;
    size_t end = 0;  // behind the row's line end
    bool is_whole = true;
  };
  Fields split(size_t start) const;
  void take_quoted(size_t& at, std::string& value, bool& is_whole) const;
  size_t next_row(size_t start) const;

  TextFile file_;
  char separator_;
  size_t last_quote_;  // of the file
  std::vector<std::string> columns_;
  std::vector<size_t> starts_;
};

}  // namespace blip2
