// The lines of a text file, found once and read on demand from a memory map.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "blip2/base/text_file.h"

namespace blip2 {

/// Whether a blank line is one: it is where the lines of two files belong together.
enum class BlankLines { kSkip, kKeep };

/// Text as text_file.h opens it. 8 bytes of memory a line. Thread-safe.
class MappedLines {
 public:
  /// Throws kNotFound or kUnavailable.
  explicit MappedLines(const std::filesystem::path& path, BlankLines blank = BlankLines::kSkip);

  int64_t size() const { return static_cast<int64_t>(starts_.size()); }
  /// Without its line feed, and without a carriage return before it.
  std::string_view line(int64_t index) const;
  /// "FILE:LINE", counted from 1, blank lines included: for messages.
  std::string where(int64_t index) const;
  const std::filesystem::path& path() const { return file_.path(); }
  std::string_view text() const { return file_.text(); }

 private:
  TextFile file_;
  std::vector<size_t> starts_;
  std::vector<size_t> blank_before_;  // for each blank line, the number of lines before it
};

}  // namespace blip2
