// The starts of lines in a mapped file.
#include "blip2/data/sources/mapped_lines.h"

#include <algorithm>

#include "blip2/base/error.h"

namespace blip2 {

MappedLines::MappedLines(const std::filesystem::path& path, BlankLines blank) : file_(path) {
  const std::string_view text = this->text();
  size_t start = 0;
  while (start < text.size()) {
    const size_t end = std::min(text.find('\n', start), text.size());
    const size_t content = text.find_first_not_of(" \t\r", start);
    if (content < end || blank == BlankLines::kKeep) {
      starts_.push_back(start);
    } else {
      blank_before_.push_back(starts_.size());
    }
    start = end + 1;
  }
}

std::string_view MappedLines::line(int64_t index) const {
  BLIP2_CHECK(index >= 0 && index < size());
  const size_t start = starts_[static_cast<size_t>(index)];
  const size_t end = std::min(text().find('\n', start), text().size());
  std::string_view line = text().substr(start, end - start);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string MappedLines::where(int64_t index) const {
  const auto blank = std::ranges::upper_bound(blank_before_, static_cast<size_t>(index));
  return fmt::format("{}:{}", file_.path().string(), 1 + index + (blank - blank_before_.begin()));
}

}  // namespace blip2
