// Looks for a picture in the places where people unpack it.
#include "blip2/data/sources/record_rules.h"

#include "blip2/base/error.h"

namespace blip2 {

std::filesystem::path first_existing(const std::vector<std::filesystem::path>& paths) {
  BLIP2_CHECK(!paths.empty());
  std::error_code error;
  for (const std::filesystem::path& path : paths) {
    if (std::filesystem::exists(path, error)) return path;
  }
  return paths.front();
}

}  // namespace blip2
