// A row's fields by the names of their columns.
#include "blip2/data/sources/csv.h"

#include <fmt/ranges.h>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"
#include "blip2/data/sources/annotation_layout.h"
#include "blip2/data/sources/file_sequence.h"
#include "blip2/data/sources/json_record.h"

namespace blip2 {

CsvFile::CsvFile(const std::filesystem::path& path, char separator, const FieldNames& names)
    : table_(path, separator),
      image_(need(names.image, "img_key")),
      caption_(need(names.caption, "caption_key")),
      image_id_(table_.find_column({"image_id"})) {}

size_t CsvFile::need(const std::vector<std::string>& names, const char* key) const {
  if (const int64_t column = table_.find_column(names); column >= 0) {
    return static_cast<size_t>(column);
  }
  const AnnotationLayout layout = annotation_layout(table_.text());
  if (!layout.what.empty() && layout.what != "a table") {
    fail(ErrorCode::kCorruptData, "{}: expected a table with a line of names, found {}",
         path().string(), other_layout(table_.text(), ""));
  }
  constexpr size_t kNamed = 10;
  std::vector<std::string> found;
  for (const std::string& column : table_.columns()) {
    found.push_back(found.size() < kNamed ? quote(column) : "...");
    if (found.size() > kNamed) break;
  }
  fail(ErrorCode::kCorruptData,
       "{}: expected a column named {}, found {}; {} names another, and separator what is between "
       "them",
       path().string(), fmt::join(names, ", "), fmt::join(found, ", "), key);
}

Record CsvFile::record(int64_t index, const RecordRules& rules) const {
  std::vector<std::string> fields = table_.row(index);
  Record record;
  record.key = fields[image_];
  if (record.key.empty()) {
    fail(ErrorCode::kCorruptData, "{}: {}: expected a path, found nothing", table_.where(index),
         printable(table_.columns()[image_]));
  }
  record.image = rules.images / record.key;
  if (image_id_ >= 0) record.image_id = id_in_text(fields[static_cast<size_t>(image_id_)]);
  record.captions = {std::move(fields[caption_])};
  return record;
}

void CsvFile::list(const EntryCallback& entry) const {
  for (int64_t index = 0; index < size(); ++index) entry(table_.line(index));
}

std::unique_ptr<Source> open_csv(const std::vector<std::filesystem::path>& files,
                                 const RecordRules& rules, char separator) {
  return std::make_unique<FileSequence<CsvFile>>(
      files, rules, [&](const std::filesystem::path& path) {
        return std::make_unique<const CsvFile>(path, separator, rules.names);
      });
}

}  // namespace blip2
