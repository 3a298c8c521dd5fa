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

struct Record {
  std::string key;              ///< names the picture in caches, logs and random streams
  std::filesystem::path image;  ///< the picture's name: FILE, or SHARD.tar/MEMBER. Not looked at
                                ///< before it is needed
  std::vector<std::string> captions;  ///< at least one, as in the file
  std::string question = {};  ///< of visual question answering: the captions are its answers
  std::string image_id;       ///< equal for records of one picture
  std::optional<FileRange> stored = std::nullopt;  ///< where the bytes are; none: all of `image`
};

}  // namespace blip2
