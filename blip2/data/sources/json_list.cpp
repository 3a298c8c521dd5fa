// Lists of records over a mapped file.
#include "blip2/data/sources/json_list.h"

#include <string>
#include <string_view>

#include "blip2/base/error.h"
#include "blip2/data/sources/annotation_layout.h"
#include "blip2/data/sources/file_sequence.h"
#include "blip2/data/sources/json_record.h"

namespace blip2 {

namespace {

/// The text of a file that must begin a list.
std::string_view text_of_list(const TextFile& file) {
  const size_t at = skip_json_space(file.text(), 0);
  if (at >= file.text().size() || file.text()[at] == '[') return file.text();
  const std::string found = other_layout(file.text(), "");
  if (found.empty()) return file.text();  // enter_list() says it
  fail(ErrorCode::kCorruptData, "{}: expected a JSON list, found {}", file.path().string(), found);
}

/// A list of records.
class JsonRecordFile {
 public:
  explicit JsonRecordFile(const std::filesystem::path& path) : file_(path) {}

  const std::filesystem::path& path() const { return file_.path(); }
  int64_t size() const { return file_.list().size(); }
  Record record(int64_t index, const RecordRules& rules) const {
    return parse_json_record(file_.list().element(index), file_.list().where(index), rules);
  }
  std::string_view fields(int64_t index) const { return file_.list().element(index); }
  void list(const EntryCallback& entry) const {
    for (int64_t index = 0; index < size(); ++index) entry(fields(index));
  }

 private:
  JsonListFile file_;
};

}  // namespace

JsonListFile::JsonListFile(const std::filesystem::path& path)
    : file_(path), list_(text_of_list(file_), 0, path.string()) {}

std::unique_ptr<Source> open_json_lists(const std::vector<std::filesystem::path>& files,
                                        const RecordRules& rules) {
  return std::make_unique<FileSequence<JsonRecordFile>>(files, rules);
}

}  // namespace blip2
