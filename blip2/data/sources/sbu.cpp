// SBU's columns of URLs and captions, in JSON and in text.
#include "blip2/data/sources/sbu.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "blip2/base/error.h"
#include "blip2/base/json_fields.h"
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
  return as_text(nlohmann::json::parse(list.element(index), nullptr, false), list.where(index));
}

/// sbu-captions-all.json.
class ColumnsSource : public Source {
 public:
  ColumnsSource(const fs::path& path, fs::path images) : file_(path), images_(std::move(images)) {
    const std::string_view text = text_of(file_);
    const std::string where = path.string();
    const auto expect = [&](size_t at, char character) {
      if (at >= text.size() || text[at] != character) {
        fail(ErrorCode::kCorruptData,
             "{}: expected an object of lists, found a syntax error at byte {} of {}", where, at,
             text.size());
      }
      return skip_json_space(text, at + 1);
    };
    size_t at = expect(skip_json_space(text, 0), '{');
    while (at < text.size() && text[at] != '}') {
      const size_t end = skip_json_value(text, at, where);
      const std::string_view name = text.substr(at, end - at);
      at = expect(skip_json_space(text, end), ':');
      if (name == "\"image_urls\"") {
        urls_.emplace(text, at, where + ": image_urls");
        at = urls_->end();
      } else if (name == "\"captions\"") {
        captions_.emplace(text, at, where + ": captions");
        at = captions_->end();
      } else {
        at = skip_json_value(text, at, where);
      }
      at = skip_json_space(text, at);
      if (at < text.size() && text[at] != '}') at = expect(at, ',');
    }
    expect(at, '}');
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
  MappedFile file_;
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
    return to_record(urls_.line(index), std::string(captions_.line(index)), images_,
                     {urls_.path(), urls_.where(index)});
  }

 private:
  MappedLines urls_, captions_;
  fs::path images_;
};

bool is_object_file(const fs::path& path) {
  const MappedFile file(path);
  const std::string_view text = text_of(file);
  const size_t at = skip_json_space(text, 0);
  return at < text.size() && text[at] == '{';
}

}  // namespace

std::unique_ptr<Source> open_sbu(const std::vector<fs::path>& files, const fs::path& images) {
  const fs::path root = images.empty() ? files.front().parent_path() : images;
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
  return open_json_lists(files, images);
}

}  // namespace blip2
