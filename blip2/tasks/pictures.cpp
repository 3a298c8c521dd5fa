#include "blip2/tasks/pictures.h"

#include <algorithm>
#include <filesystem>
#include <istream>

#include "blip2/base/error.h"
#include "blip2/base/files.h"

namespace blip2 {
namespace fs = std::filesystem;

std::vector<std::string> expand_images(const std::vector<std::string>& arguments,
                                       std::istream& standard_input) {
  static const std::vector<std::string> extensions = {".jpg",  ".jpeg", ".png",
                                                      ".webp", ".gif",  ".bmp"};
  std::vector<std::string> paths;
  const auto add_file = [&paths](const std::string& file) {
    if (is_shard(file)) {
      for (std::string& member : pictures_in_shard(file)) paths.push_back(std::move(member));
    } else {
      paths.push_back(file);
    }
  };
  for (const std::string& argument : arguments) {
    if (argument == "-") {
      for (std::string line; std::getline(standard_input, line);) {
        if (!line.empty() && line.back() == '\r') line.pop_back();
        if (!line.empty()) add_file(line);
      }
    } else if (fs::is_directory(argument)) {
      const std::vector<fs::path> files = list_files(argument, extensions);
      if (files.empty()) {
        fail(ErrorCode::kNotFound,
             "{}: no picture (.jpg .jpeg .png .webp .gif .bmp) in this folder", argument);
      }
      for (const fs::path& file : files) paths.push_back(file.string());
    } else {
      add_file(argument);
    }
  }
  return paths;
}

std::vector<std::span<const float>> pixels_of(const std::vector<Picture>& pictures) {
  std::vector<std::span<const float>> pixels;
  for (const Picture& picture : pictures) pixels.emplace_back(picture.pixels);
  return pixels;
}

Picture read_picture(const std::string& path, const ImageTransform& transform,
                     const DecodeOptions& options) {
  PictureFiles files;
  return {0, path, prepare_pixels(files.open(path)->bytes(), path, transform, options)};
}

PictureReader::PictureReader(std::vector<std::string> paths, ImageTransform transform,
                             PictureOptions options)
    : paths_(std::move(paths)), transform_(transform), options_(options) {
  if (options_.batch_size < 1) {
    fail(ErrorCode::kInvalidArgument, "--batch-size: expected at least 1, found {}",
         options_.batch_size);
  }
  if (!paths_.empty()) {
    ahead_ = std::async(std::launch::async, [this] { return read(0); });
  }
}

PictureBatch PictureReader::read(size_t first) {
  const size_t end = std::min(first + static_cast<size_t>(options_.batch_size), paths_.size());
  PictureBatch batch;
  for (size_t input = first; input < end; ++input) {
    try {
      const std::string& path = paths_[input];
      const auto file = files_.open(path);
      batch.pictures.push_back(
          {input, path, prepare_pixels(file->bytes(), path, transform_, options_.decode)});
    } catch (const Error& error) {
      batch.failures.push_back({input, paths_[input], error.what()});
    }
  }
  return batch;
}

bool PictureReader::next(PictureBatch& batch) {
  if (next_ >= paths_.size()) return false;
  batch = ahead_.get();
  next_ += static_cast<size_t>(options_.batch_size);
  if (next_ < paths_.size()) {
    ahead_ = std::async(std::launch::async, [this, first = next_] { return read(first); });
  }
  return true;
}

}  // namespace blip2
