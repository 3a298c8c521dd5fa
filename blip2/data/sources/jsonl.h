// Plain JSONL: one object a line, {"image", "caption", "image_id"?, "key"?}.
#pragma once

#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

#include "blip2/data/listing.h"
#include "blip2/data/source.h"
#include "blip2/data/sources/mapped_lines.h"
#include "blip2/data/sources/record_rules.h"

namespace blip2 {

/// The lines of a file as records. For FileSequence.
class JsonlFile {
 public:
  /// Looks for a line that is a record: a file of another layout is refused at once, and named.
  JsonlFile(const std::filesystem::path& path, const RecordRules& rules);

  const std::filesystem::path& path() const { return lines_.path(); }
  int64_t size() const { return lines_.size(); }
  Record record(int64_t index, const RecordRules& rules) const;
  std::string_view fields(int64_t index) const { return lines_.line(index); }
  /// As Listing::list().
  void list(const EntryCallback& entry) const;

 private:
  MappedLines lines_;
};

/// Maps the files and finds their lines; a line is parsed when its record is asked for, so that
/// opening costs one pass over the bytes and 8 bytes of memory a record. The first record is parsed
/// at once. Relative pictures are below `rules.images`, or in the folder of the file if that is
/// empty. Blank lines are skipped.
std::unique_ptr<Source> open_jsonl(const std::vector<std::filesystem::path>& files,
                                   const RecordRules& rules);

}  // namespace blip2
