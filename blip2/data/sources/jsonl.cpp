// Plain JSONL over a memory map: an index of line starts, lines parsed on demand.
#include "blip2/data/sources/jsonl.h"

#include <optional>
#include <string_view>

#include "blip2/base/error.h"
#include "blip2/data/sources/file_sequence.h"
#include "blip2/data/sources/json_record.h"
#include "blip2/data/sources/mapped_lines.h"

namespace blip2 {

namespace {

class JsonlFile {
 public:
  /// Looks for a line that is a record: a file of another format is refused at once.
  explicit JsonlFile(const std::filesystem::path& path) : lines_(path) {
    std::optional<Error> first;
    for (int64_t index = 0; index < size(); ++index) {
      try {
        record(index, {});
        return;
      } catch (const Error& error) {
        if (!first) first = error;
      }
    }
    if (first) {
      fail(first->code(), "{}: no line is a record; the first: {}", path.string(), first->what());
    }
  }

  const std::filesystem::path& path() const { return lines_.path(); }
  int64_t size() const { return lines_.size(); }
  Record record(int64_t index, const std::filesystem::path& images) const {
    return parse_json_record(lines_.line(index), lines_.where(index), images);
  }
  std::string_view fields(int64_t index) const { return lines_.line(index); }

 private:
  MappedLines lines_;
};

}  // namespace

std::unique_ptr<Source> open_jsonl(const std::vector<std::filesystem::path>& files,
                                   const std::filesystem::path& images) {
  return std::make_unique<FileSequence<JsonlFile>>(files, images);
}

}  // namespace blip2
