// Lines of two columns, and names of pictures from a CRC.
#include "blip2/data/sources/cc_tsv.h"

#include <zlib.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "blip2/base/error.h"
#include "blip2/data/sources/file_sequence.h"
#include "blip2/data/sources/mapped_lines.h"

namespace blip2 {
namespace fs = std::filesystem;

namespace {

bool is_url(std::string_view text) {
  return text.starts_with("http://") || text.starts_with("https://");
}

unsigned long crc32_of(std::string_view text) {
  return crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size()));
}

class CcFile {
 public:
  explicit CcFile(const fs::path& path) : lines_(path) {
    if (lines_.size() == 0) return;
    const std::string_view first = lines_.line(0);
    if (first == "caption\turl" || first == "url\tcaption") header_ = 1;
  }

  const fs::path& path() const { return lines_.path(); }
  int64_t size() const { return lines_.size() - header_; }

  void list(const EntryCallback& entry) const {
    for (int64_t index = 0; index < size(); ++index) entry(lines_.line(index + header_));
  }

  Record record(int64_t index, const RecordRules& rules) const {
    const std::string_view line = lines_.line(index + header_);
    require_text(line, lines_.where(index + header_));
    const size_t tab = line.find('\t');
    if (std::ranges::count(line, '\t') != 1) {
      fail(ErrorCode::kCorruptData, "{}: expected two columns, a caption and a URL, found {}",
           lines_.where(index + header_), std::ranges::count(line, '\t') + 1);
    }
    std::string_view caption = line.substr(0, tab), url = line.substr(tab + 1);
    if (is_url(caption) && !is_url(url)) std::swap(caption, url);
    if (!is_url(url) || is_url(caption)) {
      fail(ErrorCode::kCorruptData, "{}: expected one column to be a URL, found {}",
           lines_.where(index + header_), is_url(url) ? "both" : "none");
    }
    Record record;
    record.key = fmt::format("{}_{}", index, crc32_of(url));
    const fs::path bare = rules.images / record.key;
    record.image = bare.string() + ".jpg";
    std::error_code error;
    if (!fs::exists(record.image, error) && fs::exists(bare, error)) record.image = bare;
    record.captions = {std::string(caption)};
    return record;
  }

 private:
  MappedLines lines_;
  int64_t header_ = 0;
};

}  // namespace

std::unique_ptr<Source> open_cc_tsv(const std::vector<fs::path>& files, const RecordRules& rules) {
  return std::make_unique<FileSequence<CcFile>>(files, rules);
}

}  // namespace blip2
