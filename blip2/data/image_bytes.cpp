// A picture's bytes, from its file or from its place in a shard.
#include "blip2/data/image_bytes.h"

namespace blip2 {

ImageBytes::ImageBytes(const std::filesystem::path& image, const std::optional<FileRange>& stored) {
  if (stored) {
    read_ = read_file_range(stored->file, stored->offset, stored->size);
  } else {
    file_.emplace(image);
  }
}

}  // namespace blip2
