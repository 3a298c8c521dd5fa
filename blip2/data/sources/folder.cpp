// A folder of pictures with side-car text files.
#include "blip2/data/sources/folder.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/base/list_files.h"
#include "blip2/base/text_file.h"
#include "blip2/data/sources/json_record.h"
#include "blip2/image/picture_name.h"

namespace blip2 {
namespace fs = std::filesystem;

namespace {

std::vector<std::string> lines_with_text(const fs::path& path) {
  const std::string text = read_text_file(path);
  std::vector<std::string> captions;
  size_t number = 0;
  for (const std::string_view line : split_lines(text)) {
    ++number;
    require_text(line, fmt::format("{}:{}", path.string(), number));
    if (line.find_first_not_of(" \t") != std::string_view::npos) captions.emplace_back(line);
  }
  return captions;
}

/// The captions of the file beside a picture: its .txt, else .caption, else the .json that
/// img2dataset writes.
std::vector<std::string> captions_beside(const fs::path& image, MissingCaption missing) {
  std::error_code error;
  fs::path beside = image;
  for (const char* extension : {".txt", ".TXT", ".caption"}) {
    beside.replace_extension(extension);
    if (fs::exists(beside, error)) return lines_with_text(beside);
  }
  beside.replace_extension(".json");
  if (fs::exists(beside, error)) {
    std::vector<std::string> captions =
        parse_sidecar_captions(read_text_file(beside), beside.string(), missing);
    if (!captions.empty()) return captions;
  }
  if (missing == MissingCaption::kAllowed) return {};
  fail(ErrorCode::kNotFound,
       "{}: expected a .txt, a .caption or a .json with a caption beside this picture, found none",
       image.string());
}

class FolderSource : public Source {
 public:
  FolderSource(fs::path root, MissingCaption missing) : root_(std::move(root)), missing_(missing) {
    std::error_code error;
    if (!fs::is_directory(root_, error)) {
      fail(ErrorCode::kNotFound, "{}: expected a folder of pictures, found none", root_.string());
    }
    pictures_ = list_files(root_, picture_extensions());
    if (pictures_.empty()) {
      fail(ErrorCode::kNotFound, "{}: no picture ({}) in this folder", root_.string(),
           kPictureExtensions);
    }
  }

  int64_t size() const override { return static_cast<int64_t>(pictures_.size()); }

  Record record(int64_t index) const override {
    BLIP2_CHECK(index >= 0 && index < size());
    Record record;
    record.image = pictures_[static_cast<size_t>(index)];
    record.key = record.image.lexically_relative(root_).string();
    record.listed_in = root_;
    record.captions = captions_beside(record.image, missing_);
    return record;
  }

 private:
  fs::path root_;
  MissingCaption missing_;
  std::vector<fs::path> pictures_;
};

}  // namespace

std::unique_ptr<Source> open_folder(const fs::path& images, MissingCaption missing) {
  return std::make_unique<FolderSource>(images, missing);
}

}  // namespace blip2
