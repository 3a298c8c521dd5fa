// Expands arguments into paths, and reads pictures one batch ahead.
#include "blip2/tasks/pictures.h"

#include <algorithm>
#include <filesystem>
#include <istream>
#include <iterator>
#include <new>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/base/random.h"
#include "blip2/base/text_file.h"

namespace blip2 {
namespace fs = std::filesystem;

std::vector<std::string> expand_images(const std::vector<std::string>& arguments,
                                       std::istream& standard_input) {
  std::vector<std::string> paths;
  const auto add = [&paths](const std::string& name) {
    std::error_code error;  // a long name is not a valid path: it fails when it is opened
    const bool has_end = name.find('\0') != std::string::npos;  // nor is one with a zero byte
    std::vector<std::string> found = has_end                         ? std::vector{name}
                                     : is_shard(name)                ? pictures_in_shard(name)
                                     : fs::is_directory(name, error) ? pictures_in_folder(name)
                                                                     : std::vector{name};
    for (std::string& path : found) paths.push_back(std::move(path));
  };
  for (const std::string& argument : arguments) {
    if (argument == "-") {
      const std::string list =
          decode_text(std::string(std::istreambuf_iterator(standard_input), {}));
      for (const std::string_view line : split_lines(list)) {
        if (!line.empty()) add(std::string(line));
      }
    } else {
      add(argument);
    }
  }
  return paths;
}

std::vector<std::span<const float>> pixels_of(const std::vector<Picture>& pictures) {
  std::vector<std::span<const float>> pixels;
  for (const Picture& picture : pictures) pixels.emplace_back(picture.pixels);
  return pixels;
}

namespace {

Picture make_picture(PictureFiles& files, const PictureInput& input,
                     const ImageTransform& transform, const DecodeOptions& options) try {
  const auto file = input.stored ? std::make_unique<ImageBytes>(input.path, input.stored)
                                 : files.open(input.path);
  const std::span<const std::byte> bytes = file->bytes();
  return {0, input.path, prepare_pixels(bytes, input.path, transform, options),
          hash_text(checksum(bytes))};
} catch (const std::bad_alloc&) {  // a failure of this picture: the next may be smaller
  fail(ErrorCode::kUnavailable, "{}: not enough memory for this picture", input.path);
}

std::vector<PictureInput> whole_files(const std::vector<std::string>& paths) {
  std::vector<PictureInput> inputs;
  for (const std::string& path : paths) inputs.push_back({path});
  return inputs;
}

}  // namespace

Picture read_picture(const std::string& path, const ImageTransform& transform,
                     const DecodeOptions& options) {
  PictureFiles files;
  return make_picture(files, {path}, transform, options);
}

PictureReader::PictureReader(const std::vector<std::string>& paths, ImageTransform transform,
                             PictureOptions options)
    : PictureReader(whole_files(paths), transform, options) {}

PictureReader::PictureReader(std::vector<PictureInput> inputs, ImageTransform transform,
                             PictureOptions options)
    : inputs_(std::move(inputs)), transform_(transform), options_(options) {
  if (options_.batch_size < 1) {
    fail(ErrorCode::kInvalidArgument, "--batch-size: expected at least 1, found {}",
         options_.batch_size);
  }
  if (!inputs_.empty()) {
    ahead_ = std::async(std::launch::async, [this] { return read(0); });
  }
}

PictureBatch PictureReader::read(size_t first) {
  const size_t end = std::min(first + static_cast<size_t>(options_.batch_size), inputs_.size());
  PictureBatch batch;
  for (size_t input = first; input < end; ++input) {
    try {
      batch.pictures.push_back(make_picture(files_, inputs_[input], transform_, options_.decode));
      batch.pictures.back().input = input;
    } catch (const Error& error) {
      batch.failures.push_back({input, inputs_[input].path, error.what()});
    }
  }
  return batch;
}

bool PictureReader::next(PictureBatch& batch) {
  if (next_ >= inputs_.size()) return false;
  batch = ahead_.get();
  next_ += static_cast<size_t>(options_.batch_size);
  if (next_ < inputs_.size()) {
    ahead_ = std::async(std::launch::async, [this, first = next_] { return read(first); });
  }
  return true;
}

}  // namespace blip2
