// What the readers of annotations are told besides their files.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "blip2/data/record.h"

namespace blip2 {

/// The names under which an annotation holds what is read; of several the first that is there.
struct FieldNames {
  std::vector<std::string> image = {"image"};
  std::vector<std::string> caption = {"caption", "answer"};
};

struct RecordRules {
  std::filesystem::path images = {};  ///< root of relative pictures; empty: the file's folder
  MissingCaption missing_caption = MissingCaption::kRefused;
  FieldNames names = {};
};

/// The first of some paths that exists, else the first of them.
std::filesystem::path first_existing(const std::vector<std::filesystem::path>& paths);

}  // namespace blip2
