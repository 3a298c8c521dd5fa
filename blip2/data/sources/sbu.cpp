// SBU's columns of URLs and captions, in JSON and in text.
#include "blip2/data/sources/sbu.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "blip2/base/error.h"
#include "blip2/base/json_fields.h"
#include "blip2/base/python_json.h"
#include "blip2/base/quote.h"
#include "blip2/data/sources/json_list.h"
#include "blip2/data/sources/mapped_lines.h"

namespace blip2 {
namespace fs = std::filesystem;

namespace {

void check_lengths(const std::string& where, int64_t urls, int64_t captions) {
  if (urls == captions) return;
  fail(ErrorCode::kCorruptData, "{}: expected as many captions as URLs, found {} and {}", where,
       captions, urls);
}

/// Where the URL of a picture is.
struct UrlPlace {
  const fs::path& file;
  std::string where;
};

Record to_record(std::string_view url, std::string caption, const fs::path& images,
                 const UrlPlace& place) {
  const std::string name(url.substr(url.rfind('/') + 1));
  if (url.find("://") == std::string_view::npos || name.empty()) {
    fail(ErrorCode::kCorruptData, "{}: expected the URL of a picture, found {}", place.where,
         quote(url));
  }
  Record record;
  record.key = name;
  record.listed_in = place.file;
  record.image = images / name;
  record.captions = {std::move(caption)};
  return record;
}

std::string string_of(const JsonList& list, int64_t index) {
  const auto json = parse_json<nlohmann::json>(list.element(index), list.where(index), "a string");
  std::string text = as_text(json, list.where(index));
  require_utf8(text, list.where(index));
  return text;
}

/// sbu-captions-all.json.
class ColumnsSource : public Source {
 public:
  ColumnsSource(const fs::path& path, fs::path images) : file_(path), images_(std::move(images)) {
    const std::string where = path.string();
    const auto members = json_members(file_.text(), where);
    const auto list = [&](const char* name) {
      const auto member = members.find(name);
      return member == members.end() ? std::optional<JsonList>()
                                     : JsonList(file_.text(), member->second, where + ": " + name);
    };
    urls_ = list("image_urls");
    captions_ = list("captions");
    if (!urls_ || !captions_) {
      fail(ErrorCode::kCorruptData, "{}: expected lists \"image_urls\" and \"captions\"", where);
    }
    check_lengths(where, urls_->size(), captions_->size());
  }

  int64_t size() const override { return urls_->size(); }

  Record record(int64_t index) const override {
    return to_record(string_of(*urls_, index), string_of(*captions_, index), images_,
                     {file_.path(), urls_->where(index)});
  }

 private:
  TextFile file_;
  fs::path images_;
  std::optional<JsonList> urls_, captions_;
};

/// The two text files.
class LinesSource : public Source {
 public:
  LinesSource(const fs::path& urls, const fs::path& captions, fs::path images)
      : urls_(urls, BlankLines::kKeep),
        captions_(captions, BlankLines::kKeep),
        images_(std::move(images)) {
    check_lengths(captions.string(), urls_.size(), captions_.size());
  }

  int64_t size() const override { return urls_.size(); }

  Record record(int64_t index) const override {
    require_text(captions_.line(index), captions_.where(index));
    return to_record(urls_.line(index), std::string(captions_.line(index)), images_,
                     {urls_.path(), urls_.where(index)});
  }

 private:
  MappedLines urls_, captions_;
  fs::path images_;
};

bool is_object_file(const fs::path& path) {
  const TextFile file(path);
  const std::string_view text = file.text();
  const size_t at = skip_json_space(text, 0);
  return at < text.size() && text[at] == '{';
}

}  // namespace

std::unique_ptr<Source> open_sbu(const std::vector<fs::path>& files, const RecordRules& rules) {
  const fs::path root = rules.images.empty() ? files.front().parent_path() : rules.images;
  if (files.front().extension() == ".txt") {
    if (files.size() != 2) {
      fail(ErrorCode::kInvalidArgument,
           "{}: expected two annotations, the file of URLs and the file of captions, found {}",
           files.front().string(), files.size());
    }
    return std::make_unique<LinesSource>(files[0], files[1], root);
  }
  if (files.size() == 1 && is_object_file(files.front())) {
    return std::make_unique<ColumnsSource>(files.front(), root);
  }
  return open_json_lists(files, rules);
}

}  // namespace blip2
