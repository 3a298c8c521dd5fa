// Files in a folder beside the target, renamed into place when all are written.
#include "blip2/base/directory_writer.h"

#include <fcntl.h>
#include <linux/stat.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

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

/// Where the folder is or will be once links are followed: it is renamed, and a link would be lost.
fs::path behind_links(const fs::path& target) {
  constexpr int kMostLinks = 40;
  std::error_code error;
  fs::path path = without_slash(target);
  for (int links = 0; fs::is_symlink(path, error); ++links) {
    fs::path next = fs::canonical(path, error);
    if (error) {  // the end is not there
      const fs::path link = fs::read_symlink(path, error);
      if (!error) next = fs::weakly_canonical(path.parent_path() / link, error);
    }
    if (error || links == kMostLinks) {
      fail(ErrorCode::kInvalidArgument, "{}: expected a folder to write, found a link to nowhere",
           target.string());
    }
    path = without_slash(next);
  }
  return path;
}

/// A folder that nothing can be renamed to: also the root, which in a chroot is not a mount point.
bool is_mount_point(const fs::path& folder) {
  if (folder == folder.root_path()) return true;
  struct statx own{}, parent{};
  if (::statx(AT_FDCWD, folder.c_str(), 0, STATX_BASIC_STATS, &own) != 0) return false;
  if ((own.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0) return true;
  return ::statx(AT_FDCWD, folder.parent_path().c_str(), 0, STATX_BASIC_STATS, &parent) == 0 &&
         (own.stx_dev_major != parent.stx_dev_major || own.stx_dev_minor != parent.stx_dev_minor);
}

void rename_or_fail(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) fail(ErrorCode::kUnavailable, "{}: cannot write: {}", to.string(), error.message());
}

/// Swaps two folders at one instant; false where the file system has no such thing.
bool exchange(const fs::path& from, const fs::path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) == 0) return true;
  if (errno == EINVAL || errno == ENOSYS) return false;
  fail(ErrorCode::kUnavailable, "{}: cannot write: {}", to.string(), std::strerror(errno));
}

/// The first path in the folder, in order, that is not a file of its kind; "" if there is none.
/// Only folders that lead to such files are entered.
std::string first_unknown(const fs::path& folder, const std::string& inside,
                          const DirectoryMark& kind) {
  std::error_code error;
  std::vector<std::string> names;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    names.push_back(at->path().filename().string());
  }
  if (error) return inside.empty() ? "files that cannot be listed" : inside;
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    std::string path = inside + name;
    const auto leads_in = [&](const std::string& file) { return file.starts_with(path + "/"); };
    if (!fs::is_directory(folder / name, error)) {
      if (std::ranges::find(kind.files, path) == kind.files.end()) return path;
    } else if (std::ranges::none_of(kind.files, leads_in)) {
      return path + "/";
    } else if (std::string unknown = first_unknown(folder / name, path + "/", kind);
               !unknown.empty()) {
      return unknown;
    }
  }
  return "";
}

void sync_parent(const fs::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

}  // namespace

void check_replaceable(const fs::path& target, const DirectoryMark& kind) {
  std::error_code error;
  if (!fs::exists(target, error)) return;
  if (!fs::is_directory(target, error)) {
    fail(ErrorCode::kInvalidArgument, "{}: expected a folder to write, found a file",
         target.string());
  }
  if (is_mount_point(behind_links(target))) {
    fail(ErrorCode::kInvalidArgument,
         "{}: a mount point, which cannot be replaced: give a folder inside it, such as {}",
         target.string(), (target / kind.name).string());
  }
  if (fs::is_empty(target, error)) return;
  std::string found = first_unknown(target, "", kind);
  if (found.empty()) {
    const fs::path marker = target / kind.marker;
    if (!fs::exists(marker, error)) {
      found = "no " + kind.marker;
    } else if (!kind.is_own(read_file(marker))) {
      found = "another " + kind.marker;
    }
  }
  if (found.empty()) return;
  fail(ErrorCode::kInvalidArgument,
       "{}: expected no folder, an empty one or an older {} to replace, found {}", target.string(),
       kind.name, found);
}

DirectoryWriter::DirectoryWriter(const fs::path& target, const DirectoryMark& kind)
    : target_(behind_links(target)), kind_(kind), temporary_(beside(target_, "partial")) {
  check_replaceable(target_, kind_);
  std::error_code ignored;
  fs::remove_all(temporary_, ignored);
  make_directories(temporary_);
}

DirectoryWriter::~DirectoryWriter() {
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
}

void DirectoryWriter::commit() {
  check_replaceable(target_, kind_);  // long after the first time
  std::error_code error;
  const bool replaces = fs::exists(target_, error) && !fs::is_empty(target_, error);
  fs::path old = temporary_;  // once exchanged
  if (!replaces) {
    rename_or_fail(temporary_, target_);
  } else if (!exchange(temporary_, target_)) {
    old = beside(target_, "old");
    rename_or_fail(target_, old);
    try {
      rename_or_fail(temporary_, target_);
    } catch (const Error&) {
      fs::rename(old, target_, error);
      throw;
    }
  }
  temporary_.clear();
  sync_parent(target_.parent_path());
  if (replaces) fs::remove_all(old, error);
}

}  // namespace blip2
