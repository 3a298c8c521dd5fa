// The bytes of a record's picture, from a file of their own or from inside a shard.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "blip2/base/files.h"
#include "blip2/data/record.h"

namespace blip2 {

class ImageBytes {
 public:
  /// Maps the file, or reads the stretch. Throws kNotFound, kUnavailable, and kCorruptData for a
  /// shard that ends too early.
  ImageBytes(const std::filesystem::path& image, const std::optional<FileRange>& stored);
  explicit ImageBytes(const Record& record) : ImageBytes(record.image, record.stored) {}

  std::span<const std::byte> bytes() const {
    return file_ ? file_->bytes() : std::as_bytes(std::span(read_));
  }

 private:
  std::optional<MappedFile> file_;
  std::string read_;
};

}  // namespace blip2
