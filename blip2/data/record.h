// One picture with what is said about it, as a source gives it: names and places, no pixels.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace blip2 {

/// A range of a file: where a member of a tar shard is.
struct FileRange {
  std::filesystem::path file;
  int64_t offset = 0;  ///< of the first byte
  int64_t size = 0;    ///< bytes
};

/// What a record without a caption is: unusable, or a record with none.
enum class MissingCaption { kRefused, kAllowed };

/// What two records have in common, and what tells them apart, is said by record_identity.h.
struct Record {
  std::string key;                       ///< the record's name, for people and caches
  std::filesystem::path listed_in = {};  ///< the shard, the file of annotations or the folder that
                                         ///< lists it, as given
  std::filesystem::path image;  ///< the picture's name: FILE, or SHARD.tar/MEMBER. Not looked at
                                ///< before it is needed
  std::vector<std::string> captions;  ///< at least one, as in the file
  std::string question = {};  ///< of visual question answering: the captions are its answers
  std::string image_id = {};  ///< what the annotation calls the picture; empty: it gives no name
  std::optional<FileRange> stored = std::nullopt;  ///< where the bytes are; none: all of `image`
};

}  // namespace blip2
