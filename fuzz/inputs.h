// What the fuzz targets share: their bytes as files that the readers open.
#pragma once

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "blip2/base/error.h"

namespace blip2::fuzz {

/// A file in memory only, made once and filled for each input.
class MemoryFile {
 public:
  MemoryFile() : descriptor_(::memfd_create("fuzz", 0)) {}

  void assign(const uint8_t* data, size_t size) const {
    if (::ftruncate(descriptor_, 0) != 0) std::abort();
    if (::pwrite(descriptor_, data, size, 0) != static_cast<ssize_t>(size)) std::abort();
  }
  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

/// A folder in memory, made once.
class MemoryFolder {
 public:
  MemoryFolder() {
    std::string name = "/dev/shm/blip2-fuzz-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~MemoryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  void write(const std::string& name, std::string_view bytes) const {
    std::ofstream(path_ / name, std::ios::binary).write(bytes.data(), std::ssize(bytes));
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Runs a reader. An Error with a one-line message of a reasonable length is a right answer; any
/// other exception ends the program, and so does an Error that blames this program.
template <typename Action>
void expect_answer(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    const std::string_view message = error.what();
    const bool is_good = !message.empty() && message.find('\n') == std::string_view::npos &&
                         message.size() < 4000 && error.code() != ErrorCode::kInternal;
    if (!is_good) std::abort();
  }
}

}  // namespace blip2::fuzz
