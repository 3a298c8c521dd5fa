// A cursor over bytes that come from outside: little-endian numbers and texts, never past the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "blip2/base/error.h"

namespace blip2 {

/// Every method throws kCorruptData ("cut short") instead of passing the end.
class ByteReader {
 public:
  /// `path` names the bytes in messages.
  ByteReader(std::span<const std::byte> bytes, std::string path)
      : bytes_(bytes), path_(std::move(path)) {}

  template <typename T>
  T read() {
    static_assert(std::is_arithmetic_v<T>);
    T value{};
    std::memcpy(&value, take(sizeof(T)), sizeof(T));
    return value;
  }

  /// The next bytes as text that lives as long as the bytes do.
  std::string_view text(uint64_t size_bytes) {
    return {reinterpret_cast<const char*>(take(size_bytes)), static_cast<size_t>(size_bytes)};
  }

  void skip(uint64_t size_bytes) { take(size_bytes); }

  /// Moves to a position from the start of the bytes.
  void seek(uint64_t position) {
    position_ = 0;
    take(position);
  }

  size_t position() const { return position_; }
  size_t remaining() const { return bytes_.size() - position_; }
  const std::string& path() const { return path_; }

 private:
  const std::byte* take(uint64_t size_bytes) {
    if (size_bytes > remaining()) {
      fail(ErrorCode::kCorruptData,
           "{}: cut short: {} bytes are needed at byte {}, the end is at {}", path_, size_bytes,
           position_, bytes_.size());
    }
    const std::byte* start = bytes_.data() + position_;
    position_ += static_cast<size_t>(size_bytes);
    return start;
  }

  std::span<const std::byte> bytes_;
  std::string path_;
  size_t position_ = 0;
};

}  // namespace blip2
