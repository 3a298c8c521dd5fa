// Pictures by name, in files of their own and in tar shards: SHARD.tar/MEMBER. Which names a user's
// arguments stand for is expand_images()'s affair.
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

/// The names of the pictures in a shard (by their extensions), in its order: "SHARD.tar/MEMBER".
/// Last stands the shard itself if it is damaged: opening that name says how. Throws kNotFound for
/// a whole shard without pictures.
std::vector<std::string> pictures_in_shard(const std::string& shard);

/// Opens pictures; remembers where the members of one shard lie. Not thread-safe.
class PictureFiles {
 public:
  /// Throws kNotFound where there is no such file or member, kCorruptData for a shard's own name,
  /// with its damage.
  std::unique_ptr<ImageBytes> open(const std::string& name);

 private:
  void index(const std::string& shard);

  std::string shard_;  // the one that is known
  std::string damage_;
  std::unordered_map<std::string, FileRange> members_;
};

}  // namespace blip2
