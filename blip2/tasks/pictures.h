// Reads the pictures that a user names, a batch ahead. Files, directories, shards and lists on
// stdin become paths, and paths become the pixels that a model reads. A picture that cannot be read
// is a failure of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <future>
#include <iosfwd>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "blip2/data/record.h"
#include "blip2/image/prepare.h"
#include "blip2/tasks/picture_files.h"

namespace blip2 {

/// The pictures that command-line arguments stand for: files as they are, directories searched
/// recursively (sorted), "-" for the paths on `standard_input`, one a line; of a .tar the pictures
/// in it, as SHARD.tar/MEMBER (picture_files.h). What cannot be read stays in the list under its
/// name and fails with the reason when it is opened: a file that is not there, a directory or a
/// .tar without pictures, a folder that cannot be listed.
std::vector<std::string> expand_images(const std::vector<std::string>& arguments,
                                       std::istream& standard_input);

struct PictureOptions {
  DecodeOptions decode;
  int64_t batch_size = 8;
};

struct Picture {
  size_t input = 0;  ///< place in the list of paths
  std::string path;
  std::vector<float> pixels;  ///< [3, H, W], normalised
  uint64_t content = 0;  ///< a hash of the file: with the seed and a text, what draws depend on
};

/// The pixels of each picture, which must outlive them.
std::vector<std::span<const float>> pixels_of(const std::vector<Picture>& pictures);

struct PictureFailure {
  size_t input = 0;
  std::string path;
  std::string reason;
};

struct PictureBatch {
  std::vector<Picture> pictures;
  std::vector<PictureFailure> failures;
};

/// A picture to read: a path, and where its bytes are if they are not all of that file.
struct PictureInput {
  std::string path;
  std::optional<FileRange> stored = std::nullopt;
};

/// Reads pictures in order, batch_size at a time, one batch ahead. One thread may call it.
class PictureReader {
 public:
  PictureReader(std::vector<PictureInput> inputs, ImageTransform transform, PictureOptions options);
  PictureReader(const std::vector<std::string>& paths, ImageTransform transform,
                PictureOptions options);

  /// The next batch, or false after the last.
  bool next(PictureBatch& batch);

 private:
  PictureBatch read(size_t first);

  std::vector<PictureInput> inputs_;
  ImageTransform transform_;
  PictureOptions options_;
  PictureFiles files_;  // used by the one read that is under way
  size_t next_ = 0;
  std::future<PictureBatch> ahead_;
};

/// Reads one picture. Throws as PictureFiles::open(), and for bytes that are not a picture.
Picture read_picture(const std::string& path, const ImageTransform& transform,
                     const DecodeOptions& options = {});

}  // namespace blip2
