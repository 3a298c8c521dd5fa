// Plain JSONL over a memory map: an index of line starts, lines parsed on demand.
#include "blip2/data/sources/jsonl.h"

#include <optional>

#include "blip2/base/error.h"
#include "blip2/data/sources/annotation_layout.h"
#include "blip2/data/sources/file_sequence.h"
#include "blip2/data/sources/json_record.h"

namespace blip2 {

JsonlFile::JsonlFile(const std::filesystem::path& path, const RecordRules& rules) : lines_(path) {
  std::optional<Error> first;
  for (int64_t index = 0; index < size(); ++index) {
    try {
      record(index, rules);
      return;
    } catch (const Error& error) {
      if (!first) first = error;
    }
  }
  if (!first) return;
  const std::string found = other_layout(lines_.text(), "jsonl");
  if (!found.empty()) {
    fail(first->code(), "{}: expected JSON lines, found {}", path.string(), found);
  }
  fail(first->code(), "{}: no line is a record; the first: {}", path.string(), first->what());
}

Record JsonlFile::record(int64_t index, const RecordRules& rules) const {
  return parse_json_record(lines_.line(index), lines_.where(index), rules);
}

void JsonlFile::list(const EntryCallback& entry) const {
  for (int64_t index = 0; index < size(); ++index) entry(fields(index));
}

std::unique_ptr<Source> open_jsonl(const std::vector<std::filesystem::path>& files,
                                   const RecordRules& rules) {
  return std::make_unique<FileSequence<JsonlFile>>(
      files, rules, [&](const std::filesystem::path& path) {
        return std::make_unique<const JsonlFile>(path, rules);
      });
}

}  // namespace blip2
