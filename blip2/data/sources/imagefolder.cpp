// Metadata as JSON lines or as a table.
#include "blip2/data/sources/imagefolder.h"

#include <algorithm>
#include <optional>

#include "blip2/base/error.h"
#include "blip2/base/list_files.h"
#include "blip2/data/sources/csv.h"
#include "blip2/data/sources/file_sequence.h"
#include "blip2/data/sources/jsonl.h"

namespace blip2 {
namespace fs = std::filesystem;

namespace {

/// One of the two kinds.
class MetadataFile {
 public:
  MetadataFile(const fs::path& path, const RecordRules& rules) {
    if (path.extension() == ".csv") {
      table_.emplace(path, ',', rules.names);
    } else {
      lines_.emplace(path, rules);
    }
  }

  const fs::path& path() const { return table_ ? table_->path() : lines_->path(); }
  int64_t size() const { return table_ ? table_->size() : lines_->size(); }
  Record record(int64_t index, const RecordRules& rules) const {
    return table_ ? table_->record(index, rules) : lines_->record(index, rules);
  }
  std::string_view fields(int64_t index) const {
    return table_ ? std::string_view() : lines_->fields(index);
  }
  void list(const EntryCallback& entry) const {
    if (table_) return table_->list(entry);
    for (int64_t index = 0; index < size(); ++index) entry(lines_->fields(index));
  }

 private:
  std::optional<CsvFile> table_;
  std::optional<JsonlFile> lines_;
};

std::vector<fs::path> metadata_below(const fs::path& folder) {
  std::vector<fs::path> found;
  std::optional<fs::path> parquet;
  for (fs::path& file : list_files(folder, {".csv", ".jsonl", ".parquet"})) {
    const std::string name = file.filename().string();
    if (name == "metadata.parquet") parquet = file;
    if (name != "metadata.csv" && name != "metadata.jsonl") continue;
    // In one folder .csv comes before .jsonl.
    if (!found.empty() && found.back().parent_path() == file.parent_path()) found.pop_back();
    found.push_back(std::move(file));
  }
  if (!found.empty()) return found;
  if (parquet) {
    fail(ErrorCode::kUnsupported,
         "{}: expected metadata.jsonl or metadata.csv, found parquet: write it as JSON lines first",
         parquet->string());
  }
  fail(ErrorCode::kNotFound,
       "{}: expected a metadata.jsonl or metadata.csv in this folder or below it, found none; "
       "format "
       "folder reads pictures with a text file beside each",
       folder.string());
}

}  // namespace

std::unique_ptr<Source> open_imagefolder(const std::vector<fs::path>& files,
                                         const RecordRules& rules) {
  RecordRules found = rules;
  if (files.empty()) found.images.clear();  // each file's own folder
  return std::make_unique<FileSequence<MetadataFile>>(
      files.empty() ? metadata_below(rules.images) : files, found,
      [&](const fs::path& path) { return std::make_unique<const MetadataFile>(path, rules); });
}

}  // namespace blip2
