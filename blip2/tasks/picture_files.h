// Pictures by name, in files of their own and in tar shards: SHARD.tar/MEMBER. expand_images()
// decides which names a user's arguments stand for.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "blip2/data/image_bytes.h"

namespace blip2 {

/// Whether a path names a file that ends in .tar.
bool is_shard(const std::string& path);

/// Whether a text names a file, or something in a shard that is there.
bool names_picture(const std::string& text);

/// The names of the pictures in a shard (by their extensions), in its order: "SHARD.tar/MEMBER"; of
/// several members of one name the second is "SHARD.tar/MEMBER#2".
/// The shard itself comes last if it is damaged or has no pictures: opening it reports that.
std::vector<std::string> pictures_in_shard(const std::string& shard);

/// The pictures below a folder (by their extensions), sorted. Folders that cannot be listed come
/// last, or the folder itself if it has no pictures: opening them reports that.
std::vector<std::string> pictures_in_folder(const std::string& folder);

/// Opens pictures, and remembers the places of the members of one shard. Not thread-safe.
class PictureFiles {
 public:
  /// Throws kNotFound where there is no such file or member; for a shard's own name kCorruptData
  /// with its damage, for a folder's kUnavailable if it cannot be listed; for both kNotFound if no
  /// picture is in it.
  std::unique_ptr<ImageBytes> open(const std::string& name);

 private:
  void index(const std::string& shard);

  std::string shard_;  // whose members are known
  std::string damage_;
  std::unordered_map<std::string, FileRange> members_;
};

}  // namespace blip2
