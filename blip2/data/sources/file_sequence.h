// Files of one format, read one after another as one source.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/data/listing.h"
#include "blip2/data/source.h"

namespace blip2 {

/// `File` is made of a path and has `path()`, `size()`, and `record(index, images)` for an index
/// within the file, where `images` is the root of relative pictures; if its records are JSON, also
/// `fields(index)`; if its list is read without parsing it, `list(entry)`, as Listing::list().
template <typename File>
class FileSequence final : public Source, public Listing {
 public:
  /// Opens all files. `images`: empty for each file's own folder.
  FileSequence(const std::vector<std::filesystem::path>& files, std::filesystem::path images)
      : images_(std::move(images)) {
    for (const std::filesystem::path& path : files) {
      files_.push_back(std::make_unique<const File>(path));
      size_ += files_.back()->size();
    }
  }

  int64_t size() const override { return size_; }

  Record record(int64_t index) const override {
    const File& file = file_of(index);
    Record record = file.record(index, images_.empty() ? file.path().parent_path() : images_);
    record.listed_in = file.path();
    return record;
  }

  std::string fields(int64_t index) const override {
    if constexpr (requires(const File& file) { file.fields(index); }) {
      const File& file = file_of(index);
      return std::string(file.fields(index));
    }
    return "";
  }

  void list(const EntryCallback& entry) const override {
    if constexpr (requires(const File& file) { file.list(entry); }) {
      for (const std::unique_ptr<const File>& file : files_) file->list(entry);
    } else if constexpr (requires(const File& file) { file.fields(0); }) {
      for (const std::unique_ptr<const File>& file : files_) {
        for (int64_t index = 0; index < file->size(); ++index) entry(file->fields(index));
      }
    } else {
      list_records(*this, entry);
    }
  }

 private:
  /// The file of a record; `index` becomes the place in it.
  const File& file_of(int64_t& index) const {
    BLIP2_CHECK(index >= 0 && index < size_);
    size_t number = 0;
    for (; index >= files_[number]->size(); ++number) index -= files_[number]->size();
    return *files_[number];
  }

  std::vector<std::unique_ptr<const File>> files_;
  std::filesystem::path images_;
  int64_t size_ = 0;
};

}  // namespace blip2
