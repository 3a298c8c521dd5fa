// Opens a source of records by the name of its format. The one list of formats.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "blip2/data/source.h"

namespace blip2 {

/// The names of all formats.
const std::vector<std::string>& source_formats();

struct SourceConfig {
  std::string name;                                ///< for messages
  std::string format = "jsonl";                    ///< one of source_formats()
  std::vector<std::filesystem::path> annotations;  ///< files, read one after another
  std::filesystem::path images;          ///< root of relative paths; empty: the annotations' folder
  std::vector<std::string> splits = {};  ///< coco_karpathy's; none: what is for training
  std::string image_key = {};            ///< names of fields; empty: the format's own
  std::string caption_key = {};
  std::string separator = {};  ///< csv: one character, or "tab"; empty: by the first line
  MissingCaption missing_caption = MissingCaption::kRefused;
};

/// The settings beside annotations and images that a format has no use for but was given, by their
/// names in a configuration (split, img_key, caption_key, separator).
std::vector<std::string> useless_settings(const SourceConfig& config);

/// What a source of this format needs to be opened and does not have. Throws kInvalidArgument for
/// an unknown format.
enum class MissingSetting { kNone, kAnnotations, kImages };
MissingSetting missing_setting(const SourceConfig& config);

/// Opens a source. Throws kInvalidArgument for an unknown format, a missing or a useless setting,
/// kNotFound or kCorruptData for its files.
std::unique_ptr<Source> open_source(const SourceConfig& config);

}  // namespace blip2
