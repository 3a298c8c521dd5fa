// One big JSON file read element by element: an element is parsed when it is asked for.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "blip2/base/text_file.h"
#include "blip2/data/source.h"
#include "blip2/data/sources/json_scan.h"
#include "blip2/data/sources/record_rules.h"

namespace blip2 {

/// A file that is one JSON list, mapped.
class JsonListFile {
 public:
  /// Throws kCorruptData for another layout, naming what it is.
  explicit JsonListFile(const std::filesystem::path& path);
  const JsonList& list() const { return list_; }
  const std::filesystem::path& path() const { return file_.path(); }

 private:
  TextFile file_;
  JsonList list_;
};

/// Files of {"image", "caption", "image_id"?, "key"?} in one list each, one after another: what
/// LAVIS reads for COCO, Visual Genome, CC3M, CC12M and SBU, and BLIP for its pre-training. In a
/// validation file "caption" is the list of a picture's references. An entry that is not
/// well-formed throws kCorruptData when it is asked for. Relative pictures are below
/// `rules.images`, or in the folder of the file if that is empty.
std::unique_ptr<Source> open_json_lists(const std::vector<std::filesystem::path>& files,
                                        const RecordRules& rules);

}  // namespace blip2
