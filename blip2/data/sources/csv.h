// Tables of pictures and captions, as open_clip trains on them.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "blip2/data/listing.h"
#include "blip2/data/source.h"
#include "blip2/data/sources/csv_table.h"
#include "blip2/data/sources/record_rules.h"

namespace blip2 {

/// The rows of a table as records. For FileSequence.
class CsvFile {
 public:
  /// Looks for the columns of `names`. Throws kCorruptData where one is missing, naming those that
  /// are there.
  CsvFile(const std::filesystem::path& path, char separator, const FieldNames& names);

  const std::filesystem::path& path() const { return table_.path(); }
  int64_t size() const { return table_.size(); }
  Record record(int64_t index, const RecordRules& rules) const;
  /// As Listing::list().
  void list(const EntryCallback& entry) const;

 private:
  size_t need(const std::vector<std::string>& names, const char* key) const;

  CsvTable table_;
  size_t image_, caption_;
  int64_t image_id_;  // -1: no such column
};

/// Tables with a line of names; see CsvTable for `separator`.
std::unique_ptr<Source> open_csv(const std::vector<std::filesystem::path>& files,
                                 const RecordRules& rules, char separator);

}  // namespace blip2
