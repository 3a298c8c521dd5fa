// Reading, mapping and atomic writing with POSIX calls, so that each failure names its path.
#include "blip2/base/files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

[[noreturn]] void fail_with_errno(const char* action, const fs::path& path) {
  const int error = errno;
  const ErrorCode code =
      error == ENOENT || error == ENOTDIR ? ErrorCode::kNotFound : ErrorCode::kUnavailable;
  fail(code, "{}: cannot {}: {}", path.string(), action, std::strerror(error));
}

std::string digits_of(const XXH128_hash_t& hash) {
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

/// A descriptor that closes itself.
struct Descriptor {
  int fd = -1;
  explicit Descriptor(int open) : fd(open) {}
  Descriptor(Descriptor&& other) noexcept : fd(std::exchange(other.fd, -1)) {}
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

void expect_no_zero_byte(const fs::path& path) {
  if (path.native().find('\0') == std::string::npos) return;
  fail(ErrorCode::kNotFound, "{}: expected a path, which has no zero byte",
       escaped_text(path.string()));
}

/// A checkout without Git LFS leaves a few lines in the place of a file; whoever reads them as what
/// the name says would give a misleading message.
void refuse_lfs_pointer(const Descriptor& file, int64_t size, const fs::path& path) {
  constexpr std::string_view kStart = "version https://git-lfs.github.com/spec/";
  constexpr int64_t kLongest = 1024;  // by its specification
  char start[kStart.size()];
  if (size > kLongest || ::pread(file.fd, start, sizeof start, 0) < ssize_t{sizeof start}) return;
  if (std::string_view(start, sizeof start) != kStart) return;
  fail(ErrorCode::kUnavailable,
       "{}: a Git LFS pointer, not the file itself: fetch it with \"git lfs pull\"", path.string());
}

/// Opens a regular file, and nothing that one may wait for, as for the writer of a pipe.
Descriptor open_to_read(const fs::path& path, struct stat& status) {
  expect_no_zero_byte(path);
  Descriptor file{::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
  if (file.fd < 0) fail_with_errno("open", path);
  if (::fstat(file.fd, &status) != 0) fail_with_errno("read", path);
  if (!S_ISREG(status.st_mode)) {
    fail(ErrorCode::kNotFound, "{}: expected a file, found a {}", path.string(),
         S_ISDIR(status.st_mode) ? "folder" : "pipe or a device");
  }
  refuse_lfs_pointer(file, status.st_size, path);
  return file;
}

void sync_folder(const fs::path& folder) {
  Descriptor directory{::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY)};
  if (directory.fd >= 0) ::fsync(directory.fd);
}

/// Unique to one writer: on a shared folder, processes of two machines may have one id.
std::string unique_name() {
  std::random_device device;
  return fmt::format("{}-{:08x}", ::getpid(), device());
}

}  // namespace

std::string read_file(const fs::path& path) {
  struct stat status{};
  const Descriptor file = open_to_read(path, status);
  std::string bytes;
  bytes.reserve(static_cast<size_t>(std::max<off_t>(status.st_size, 0)) + 1);
  char buffer[1 << 16];
  while (true) {
    const ssize_t n = ::read(file.fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_with_errno("read", path);
    if (n == 0) return bytes;
    bytes.append(buffer, static_cast<size_t>(n));
  }
}

std::string read_file_range(const fs::path& path, int64_t offset, int64_t size) {
  BLIP2_CHECK(offset >= 0 && size >= 0);
  struct stat status{};
  const Descriptor file = open_to_read(path, status);
  if (offset > status.st_size || size > status.st_size - offset) {
    fail(ErrorCode::kCorruptData, "{}: expected {} bytes from byte {} on, found the end at byte {}",
         path.string(), size, offset, static_cast<int64_t>(status.st_size));
  }
  std::string bytes(static_cast<size_t>(size), '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::pread(file.fd, bytes.data() + done, bytes.size() - done,
                              offset + static_cast<off_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_with_errno("read", path);
    if (n == 0)
      fail(ErrorCode::kCorruptData, "{}: became shorter while it was read", path.string());
    done += static_cast<size_t>(n);
  }
  return bytes;
}

struct StreamChecksum::State {
  XXH3_state_t* hash = XXH3_createState();
  State() = default;
  ~State() { XXH3_freeState(hash); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

StreamChecksum::StreamChecksum() : state_(std::make_unique<State>()) {
  BLIP2_CHECK(state_->hash != nullptr && XXH3_128bits_reset(state_->hash) == XXH_OK);
}

StreamChecksum::~StreamChecksum() = default;

void StreamChecksum::add(const void* data, size_t size_bytes) {
  if (size_bytes > 0) XXH3_128bits_update(state_->hash, data, size_bytes);
}

std::string StreamChecksum::digits() const { return digits_of(XXH3_128bits_digest(state_->hash)); }

AtomicFile::AtomicFile(const fs::path& path)
    : path_(path), temporary_(path.string() + "." + unique_name() + ".partial") {
  expect_no_zero_byte(path);
  struct stat status{};
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    fail(ErrorCode::kInvalidArgument, "{}: expected a file to write, found a {}", path.string(),
         S_ISDIR(status.st_mode) ? "folder" : "pipe or a device");
  }
  descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor_ < 0) fail_with_errno("write", path_);
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(temporary_.c_str());
}

void AtomicFile::write(const void* data, size_t size_bytes) {
  BLIP2_CHECK(descriptor_ >= 0);
  checksum_.add(data, size_bytes);
  const char* next = static_cast<const char*>(data);
  while (size_bytes > 0) {
    const ssize_t n = ::write(descriptor_, next, size_bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_with_errno("write", path_);
    next += n;
    size_bytes -= static_cast<size_t>(n);
  }
}

void AtomicFile::commit() {
  BLIP2_CHECK(descriptor_ >= 0);
  if (::fsync(descriptor_) != 0) fail_with_errno("write", path_);
  if (::close(std::exchange(descriptor_, -1)) != 0 ||
      ::rename(temporary_.c_str(), path_.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary_.c_str());
    errno = error;
    fail_with_errno("write", path_);
  }
  sync_folder(path_.parent_path());
}

void write_file_atomic(const fs::path& path, std::string_view bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

MappedFile::MappedFile(const fs::path& path) : path_(path) {
  struct stat status{};
  const Descriptor file = open_to_read(path, status);
  size_ = static_cast<size_t>(status.st_size);
  if (size_ == 0) return;
  void* address = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.fd, 0);
  if (address == MAP_FAILED) fail_with_errno("map", path);
  data_ = static_cast<const std::byte*>(address);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

void make_directories(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) {
    fail(ErrorCode::kUnavailable, "{}: cannot create the folder: {}", path.string(),
         error.message());
  }
}

void require_writable(const fs::path& path) {
  if (path.has_parent_path()) make_directories(path.parent_path());
  const AtomicFile uncommitted(path);
}

std::string checksum(std::span<const std::byte> bytes) {
  return digits_of(XXH3_128bits(bytes.data(), bytes.size()));
}

std::string checksum(std::string_view bytes) { return checksum(std::as_bytes(std::span(bytes))); }

uint64_t content_hash(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

}  // namespace blip2
