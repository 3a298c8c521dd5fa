// One picture with what is said about it, as a source gives it: names only, no pixels.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace blip2 {

struct Record {
  std::string key;                    ///< names the picture in caches, logs and random streams
  std::filesystem::path image;        ///< where the picture lies; not looked at before it is needed
  std::vector<std::string> captions;  ///< at least one, as in the file
  std::string image_id;               ///< equal for records of one picture
};

}  // namespace blip2
