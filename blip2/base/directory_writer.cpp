#include "blip2/base/directory_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <system_error>

#include "blip2/base/error.h"
#include "blip2/base/files.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

fs::path beside(const fs::path& target, const char* ending) {
  return target.parent_path() /
         fmt::format(".{}.{}.{}", target.filename().string(), ::getpid(), ending);
}

/// A trailing slash would make the name of the folder empty.
fs::path without_slash(const fs::path& path) {
  const fs::path absolute = fs::absolute(path).lexically_normal();
  return absolute.has_filename() ? absolute : absolute.parent_path();
}

void rename_or_fail(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) fail(ErrorCode::kUnavailable, "{}: cannot write: {}", to.string(), error.message());
}

/// What may stand at the target: nothing, an empty folder, or an older one of its kind.
void check_target(const fs::path& target, const DirectoryMark& kind) {
  std::error_code error;
  if (!fs::exists(target, error)) return;
  if (!fs::is_directory(target, error)) {
    fail(ErrorCode::kInvalidArgument, "{}: expected a folder to write, found a file",
         target.string());
  }
  if (!fs::is_empty(target, error) && !fs::exists(target / kind.marker, error)) {
    fail(ErrorCode::kInvalidArgument,
         "{}: expected no folder, an empty one or an older {} ({}), found other files",
         target.string(), kind.name, kind.marker);
  }
}

void sync_folder(const fs::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

}  // namespace

DirectoryWriter::DirectoryWriter(const fs::path& target, const DirectoryMark& kind)
    : target_(without_slash(target)), temporary_(beside(target_, "partial")) {
  check_target(target_, kind);
  std::error_code ignored;
  fs::remove_all(temporary_, ignored);
  make_directories(temporary_);
}

DirectoryWriter::~DirectoryWriter() {
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
}

void DirectoryWriter::commit() {
  std::error_code error;
  const bool replaces = fs::exists(target_, error) && !fs::is_empty(target_, error);
  const fs::path old = beside(target_, "old");
  if (replaces) rename_or_fail(target_, old);
  try {
    rename_or_fail(temporary_, target_);
  } catch (const Error&) {
    if (replaces) fs::rename(old, target_, error);
    throw;
  }
  temporary_.clear();
  sync_folder(target_.parent_path());
  if (replaces) fs::remove_all(old, error);
}

}  // namespace blip2
