// Plain JSONL over a memory map: an index of line starts, lines parsed on demand.
#include "blip2/data/sources/jsonl.h"

#include "blip2/base/error.h"
#include "blip2/data/sources/json_record.h"
#include "blip2/data/sources/mapped_lines.h"

namespace blip2 {

namespace {

class JsonlSource : public Source {
 public:
  JsonlSource(const std::vector<std::filesystem::path>& files, const std::filesystem::path& images)
      : images_(images) {
    for (const auto& path : files) {
      files_.push_back(std::make_unique<MappedLines>(path));
      size_ += files_.back()->size();
      if (files_.back()->size() > 0) record(size_ - files_.back()->size());
    }
  }

  int64_t size() const override { return size_; }

  Record record(int64_t index) const override {
    BLIP2_CHECK(index >= 0 && index < size_);
    size_t number = 0;
    for (; index >= files_[number]->size(); ++number) index -= files_[number]->size();
    const MappedLines& file = *files_[number];
    return parse_json_record(file.line(index), file.where(index),
                             images_.empty() ? file.path().parent_path() : images_);
  }

 private:
  std::vector<std::unique_ptr<MappedLines>> files_;
  std::filesystem::path images_;
  int64_t size_ = 0;
};

}  // namespace

std::unique_ptr<Source> open_jsonl(const std::vector<std::filesystem::path>& files,
                                   const std::filesystem::path& images) {
  return std::make_unique<JsonlSource>(files, images);
}

}  // namespace blip2
