// Writes a tar whose bytes depend only on its members' names and contents: no time, no owner. What
// it is for is shards that are the same whoever writes them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace blip2 {

/// An uncompressed ustar archive; a name that ustar cannot hold (over 100 bytes with no "/" to part
/// it at) is in a pax header. Names may hold any bytes except NUL.
class TarWriter {
 public:
  /// `sink` takes the bytes, in order.
  explicit TarWriter(std::function<void(std::string_view)> sink) : sink_(std::move(sink)) {}

  /// Appends a regular file. Returns the offset of its first content byte in the tar. Throws
  /// kInvalidArgument for an empty name, one with NUL in it, and 8 GiB or more.
  int64_t add(const std::string& name, std::string_view bytes);
  /// The two blocks of zeros at the end. Nothing may be added after it.
  void finish();

 private:
  void write(std::string_view bytes);
  void write_entry(const std::string& name, std::string_view bytes, char type);

  std::function<void(std::string_view)> sink_;
  int64_t written_ = 0;
};

}  // namespace blip2
