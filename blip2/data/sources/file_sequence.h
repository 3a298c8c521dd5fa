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
#include "blip2/data/sources/record_rules.h"

namespace blip2 {

/// `File` has `path()`, `size()`, and `record(index, rules)` for an index within the file, where
/// `rules.images` is the root of relative pictures; if its records are JSON, also `fields(index)`;
/// if its list is read without parsing it, `list(entry)`, as Listing::list().
template <typename File>
class FileSequence final : public Source, public Listing {
 public:
  /// Opens all files, each by `open(path)`, which gives a unique_ptr<const File>.
  template <typename Open>
  FileSequence(const std::vector<std::filesystem::path>& files, const RecordRules& rules,
               const Open& open) {
    for (const std::filesystem::path& path : files) {
      files_.push_back(open(path));
      size_ += files_.back()->size();
      rules_.push_back(rules);
      if (rules.images.empty()) rules_.back().images = path.parent_path();
    }
  }
  /// Files that are made of their paths.
  FileSequence(const std::vector<std::filesystem::path>& files, const RecordRules& rules)
      : FileSequence(files, rules, [](const std::filesystem::path& path) {
          return std::make_unique<const File>(path);
        }) {}

  int64_t size() const override { return size_; }

  Record record(int64_t index) const override {
    const size_t number = number_of_file(index);
    Record record = files_[number]->record(index, rules_[number]);
    record.listed_in = files_[number]->path();
    return record;
  }

  std::string fields(int64_t index) const override {
    if constexpr (requires(const File& file) { file.fields(index); }) {
      const size_t number = number_of_file(index);
      return std::string(files_[number]->fields(index));
    }
    return "";
  }

  void list(const EntryCallback& entry) const override {
    if constexpr (requires(const File& file) { file.list(entry); }) {
      for (const std::unique_ptr<const File>& file : files_) file->list(entry);
    } else {
      list_records(*this, entry);
    }
  }

 private:
  /// Which file a record is in; `index` becomes the place in it.
  size_t number_of_file(int64_t& index) const {
    BLIP2_CHECK(index >= 0 && index < size_);
    size_t number = 0;
    for (; index >= files_[number]->size(); ++number) index -= files_[number]->size();
    return number;
  }

  std::vector<std::unique_ptr<const File>> files_;
  std::vector<RecordRules> rules_;  // of each file
  int64_t size_ = 0;
};

}  // namespace blip2
