// Plain JSONL over a memory map: an index of line starts, lines parsed on demand.
#include "blip2/data/sources/jsonl.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/data/sources/json_record.h"

namespace blip2 {

namespace {

/// One mapped file and the offsets of its lines that are not blank.
class JsonlFile {
 public:
  JsonlFile(const std::filesystem::path& path, const std::filesystem::path& images)
      : file_(path), images_(images.empty() ? path.parent_path() : images) {
    const std::string_view text = this->text();
    size_t start = text.starts_with("\xef\xbb\xbf") ? 3 : 0;
    while (start < text.size()) {
      const size_t end = std::min(text.find('\n', start), text.size());
      const size_t content = text.find_first_not_of(" \t\r", start);
      if (content < end) {
        starts_.push_back(start);
      } else {
        blank_before_.push_back(starts_.size());
      }
      start = end + 1;
    }
  }

  int64_t size() const { return static_cast<int64_t>(starts_.size()); }

  Record record(int64_t index) const {
    const size_t start = starts_[static_cast<size_t>(index)];
    const size_t end = std::min(text().find('\n', start), text().size());
    return parse_json_record(text().substr(start, end - start),
                             fmt::format("{}:{}", file_.path().string(), line_number(index)),
                             images_);
  }

 private:
  std::string_view text() const {
    const auto bytes = file_.bytes();
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  int64_t line_number(int64_t index) const {
    const auto blank = std::ranges::upper_bound(blank_before_, static_cast<size_t>(index));
    return 1 + index + (blank - blank_before_.begin());
  }

  MappedFile file_;
  std::filesystem::path images_;
  std::vector<size_t> starts_;
  std::vector<size_t> blank_before_;  // for each blank line, the number of records before it
};

class JsonlSource : public Source {
 public:
  JsonlSource(const std::vector<std::filesystem::path>& files,
              const std::filesystem::path& images) {
    for (const auto& path : files) {
      files_.push_back(std::make_unique<JsonlFile>(path, images));
      if (files_.back()->size() > 0) files_.back()->record(0);
      size_ += files_.back()->size();
    }
  }

  int64_t size() const override { return size_; }

  Record record(int64_t index) const override {
    BLIP2_CHECK(index >= 0 && index < size_);
    size_t file = 0;
    for (; index >= files_[file]->size(); ++file) index -= files_[file]->size();
    return files_[file]->record(index);
  }

 private:
  std::vector<std::unique_ptr<JsonlFile>> files_;
  int64_t size_ = 0;
};

}  // namespace

std::unique_ptr<Source> open_jsonl(const std::vector<std::filesystem::path>& files,
                                   const std::filesystem::path& images) {
  return std::make_unique<JsonlSource>(files, images);
}

}  // namespace blip2
