// One big JSON file read element by element: the positions of a list's elements are found in one
// pass over the bytes, and an element is parsed when it is asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "blip2/base/files.h"
#include "blip2/data/source.h"

namespace blip2 {

/// A list in a JSON text. 8 bytes of memory an element.
class JsonList {
 public:
  /// The list that starts at `position` of `text`, which must outlive this; `where` names it in
  /// messages. Throws kCorruptData where there is no list and where it does not end.
  JsonList(std::string_view text, size_t position, std::string where);

  int64_t size() const { return static_cast<int64_t>(starts_.size()); }
  /// The text of an element; not known to be well-formed.
  std::string_view element(int64_t index) const;
  /// "FILE[INDEX]".
  std::string where(int64_t index) const;
  /// Behind the closing bracket.
  size_t end() const { return end_; }

 private:
  std::string_view text_;
  std::string where_;
  std::vector<size_t> starts_;
  size_t end_ = 0;
};

/// The position of the first character from `position` on that is no JSON white space.
size_t skip_json_space(std::string_view text, size_t position);

/// Behind the value that starts at `position`: brackets and strings are matched, nothing else is
/// checked. Throws kCorruptData, naming the byte, where it does not end.
size_t skip_json_value(std::string_view text, size_t position, const std::string& where);

/// The text of the first element of a list, found without going through the others; empty where
/// there is none. Throws as JsonList's constructor does for what it reads.
std::string_view first_json_element(std::string_view text, const std::string& where);

/// A file that is one JSON list, mapped.
class JsonListFile {
 public:
  explicit JsonListFile(const std::filesystem::path& path);
  const JsonList& list() const { return list_; }
  const std::filesystem::path& path() const { return file_.path(); }

 private:
  MappedFile file_;
  JsonList list_;
};

/// Files of {"image", "caption", "image_id"?, "key"?} in one list each, one after another: what
/// LAVIS reads for COCO, Visual Genome, CC3M, CC12M and SBU, and BLIP for its pre-training. In a
/// validation file "caption" is the list of a picture's references. An entry that is not
/// well-formed throws kCorruptData when it is asked for. Relative pictures are below `images`, or
/// in the folder of the file if that is empty.
std::unique_ptr<Source> open_json_lists(const std::vector<std::filesystem::path>& files,
                                        const std::filesystem::path& images);

/// The bytes of a mapped file as text.
std::string_view text_of(const MappedFile& file);

}  // namespace blip2
