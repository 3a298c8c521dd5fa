// Files: whole reads, memory maps, and writes that are either complete or absent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace blip2 {

/// Reads a whole file. Throws kNotFound (no such file; a folder, a pipe or a device in its place,
/// which are not waited for; a path with a zero byte) or kUnavailable (cannot be read; a Git LFS
/// pointer in its place).
std::string read_file(const std::filesystem::path& path);

/// Reads `size` bytes from `offset` on. Throws as read_file(), and kCorruptData if the file ends
/// before them.
std::string read_file_range(const std::filesystem::path& path, int64_t offset, int64_t size);

/// 128-bit XXH3 of bytes that come piece by piece; the same as checksum() of all of them.
class StreamChecksum {
 public:
  StreamChecksum();
  ~StreamChecksum();
  void add(const void* data, size_t size_bytes);
  /// Of what was added so far, as 32 hexadecimal digits.
  std::string digits() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Writes a file so that at any instant it is either the old one or complete: written beside,
/// synced, renamed. Throws kUnavailable with the system's reason (a full disk, no permission);
/// nothing half-written stays. kInvalidArgument where a folder, a pipe or a device is: only a
/// file is replaced.
void write_file_atomic(const std::filesystem::path& path, std::string_view bytes);

/// The same for content that is produced piece by piece. Nothing is visible at `path` until
/// commit(); without it the destructor removes what was written.
class AtomicFile {
 public:
  explicit AtomicFile(const std::filesystem::path& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* data, size_t size_bytes);
  void write(std::string_view bytes) { write(bytes.data(), bytes.size()); }
  /// Syncs, renames into place, and syncs the folder.
  void commit();
  /// checksum() of all that was written.
  std::string checksum() const { return checksum_.digits(); }

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  StreamChecksum checksum_;
  int descriptor_ = -1;
};

/// A read-only memory map of a whole file; an empty file gives an empty span.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

/// Creates a folder and its parents. Throws kUnavailable with the system's reason.
void make_directories(const std::filesystem::path& path);

/// For a file that is written after long work: makes its folder, and throws now what writing would
/// throw then. The file itself is not touched.
void require_writable(const std::filesystem::path& path);

/// 128-bit XXH3 of the bytes, as 32 hexadecimal digits: names content, resists accidents, not
/// attacks.
std::string checksum(std::span<const std::byte> bytes);
std::string checksum(std::string_view bytes);
/// 64-bit XXH3 of the bytes, for many short texts.
uint64_t content_hash(std::string_view bytes);

}  // namespace blip2
