// A folder of pictures with side-car text files.
#include "blip2/data/sources/folder.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/base/files.h"

namespace blip2 {

namespace {

std::vector<std::string> lines_with_text(std::string_view text) {
  std::vector<std::string> lines;
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") != std::string_view::npos) lines.emplace_back(line);
  }
  return lines;
}

class FolderSource : public Source {
 public:
  explicit FolderSource(std::filesystem::path root) : root_(std::move(root)) {
    std::error_code error;
    if (!std::filesystem::is_directory(root_, error)) {
      fail(ErrorCode::kNotFound, "{}: expected a folder of pictures, found none", root_.string());
    }
    pictures_ = list_files(root_, {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp"});
    if (pictures_.empty()) {
      fail(ErrorCode::kNotFound, "{}: no picture (.jpg .jpeg .png .webp .gif .bmp) in this folder",
           root_.string());
    }
  }

  int64_t size() const override { return static_cast<int64_t>(pictures_.size()); }

  Record record(int64_t index) const override {
    BLIP2_CHECK(index >= 0 && index < size());
    Record record;
    record.image = pictures_[static_cast<size_t>(index)];
    record.key = record.image.lexically_relative(root_).string();
    record.listed_in = root_;
    std::filesystem::path text = record.image;
    text.replace_extension(".txt");
    record.captions = lines_with_text(read_file(text));
    return record;
  }

 private:
  std::filesystem::path root_;
  std::vector<std::filesystem::path> pictures_;
};

}  // namespace

std::unique_ptr<Source> open_folder(const std::filesystem::path& images) {
  return std::make_unique<FolderSource>(images);
}

}  // namespace blip2
