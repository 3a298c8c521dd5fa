// Walks the folders themselves first, then the links to others.
#include "blip2/base/list_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <functional>
#include <set>
#include <system_error>
#include <utility>

#include "blip2/base/error.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

std::string lower_case(std::string_view text) {
  std::string lowered(text);
  std::transform(lowered.begin(), lowered.end(), lowered.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return lowered;
}

using Refuse = std::function<void(const fs::path& folder, const std::error_code& error)>;

/// What a walk takes, and what it says of a folder that cannot be listed.
struct WalkRule {
  const std::vector<std::string>& extensions;
  bool (*is_taken)(fs::file_type);
  Refuse refuse;
};

class FolderWalk {
 public:
  explicit FolderWalk(const WalkRule& rule) : rule_(rule) {}

  std::vector<fs::path> list(const fs::path& root) {
    forbid_parents_of(root);
    enter(root);
    while (!links_.empty()) {
      std::vector<fs::path> links = std::exchange(links_, {});
      std::sort(links.begin(), links.end());
      for (const fs::path& link : links) enter(link);
    }
    std::sort(files_.begin(), files_.end());
    return std::move(files_);
  }

 private:
  /// Whether the folder is seen for the first time; one that cannot be looked at is.
  bool is_new(const fs::path& folder) {
    struct stat status{};
    if (::stat(folder.c_str(), &status) != 0) return true;
    return seen_.emplace(status.st_dev, status.st_ino).second;
  }

  /// Below a link to one of them the walk would find its own start.
  void forbid_parents_of(const fs::path& root) {
    std::error_code error;
    for (fs::path folder = fs::canonical(root, error); folder.has_relative_path();) {
      folder = folder.parent_path();
      is_new(folder);
    }
  }

  void enter(const fs::path& folder) {
    if (!is_new(folder)) return;
    std::error_code error, unknown;
    std::vector<fs::path> folders;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
      const fs::path& path = at->path();
      if (is_leftover_name(path.filename().native())) continue;
      if (at->is_directory(unknown)) {
        (at->is_symlink(unknown) ? links_ : folders).push_back(path);
      } else if (rule_.is_taken(at->status(unknown).type()) && has_extension(path)) {
        files_.push_back(path);
      }
    }
    if (error) rule_.refuse(folder, error);
    for (const fs::path& below : folders) enter(below);
  }

  bool has_extension(const fs::path& path) const {
    const auto& known = rule_.extensions;
    return known.empty() || std::find(known.begin(), known.end(),
                                      lower_case(path.extension().native())) != known.end();
  }

  const WalkRule& rule_;
  std::set<std::pair<dev_t, ino_t>> seen_;
  std::vector<fs::path> links_;  // to folders, to be followed
  std::vector<fs::path> files_;
};

}  // namespace

bool is_leftover_name(std::string_view name) {
  if (name.starts_with('.')) return name != "." && name != "..";
  // macOS; Synology and QNAP; Windows.
  constexpr std::array<std::string_view, 9> kNames = {
      "__macosx",    "@eadir",       "#recycle",
      "@recycle",    "thumbs.db",    "desktop.ini",
      "ehthumbs.db", "$recycle.bin", "system volume information"};
  return std::find(kNames.begin(), kNames.end(), lower_case(name)) != kNames.end();
}

bool is_leftover_path(std::string_view path) {
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    if (is_leftover_name(path.substr(begin, end - begin))) return true;
    begin = end + 1;
  }
  return false;
}

std::vector<fs::path> list_files(const fs::path& directory,
                                 const std::vector<std::string>& extensions) {
  const auto refuse = [](const fs::path& folder, const std::error_code& error) {
    const bool is_missing =
        error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
    fail(is_missing ? ErrorCode::kNotFound : ErrorCode::kUnavailable,
         "{}: cannot list the folder: {}", folder.string(), error.message());
  };
  const auto is_file = [](fs::file_type type) { return type == fs::file_type::regular; };
  return FolderWalk({extensions, is_file, refuse}).list(directory);
}

FileListing list_readable_files(const fs::path& directory,
                                const std::vector<std::string>& extensions) {
  FileListing listing;
  const auto note = [&](const fs::path& folder, const std::error_code&) {
    listing.unlisted.push_back(folder);
  };
  const auto is_no_folder = [](fs::file_type type) { return type != fs::file_type::directory; };
  listing.files = FolderWalk({extensions, is_no_folder, note}).list(directory);
  std::sort(listing.unlisted.begin(), listing.unlisted.end());
  return listing;
}

}  // namespace blip2
