// The files below a folder, by one rule for all that walks folders and shards: what a program left
// there is ignored, and links are followed.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace blip2 {

/// Whether a name is one that programs leave and no person means: hidden files and folders
/// (`.DS_Store`, `._IMG_1.jpg`, `.ipynb_checkpoints`), `__MACOSX`, `@eaDir`, `Thumbs.db`,
/// `desktop.ini`, and recycle bins. "." and ".." are not.
bool is_leftover_name(std::string_view name);

/// Whether a part of a path, such as a tar member's name, is_leftover_name().
bool is_leftover_path(std::string_view path);

/// The regular files below `directory` whose lower-cased extension is one of `extensions` (with the
/// dot; empty = all), sorted by path, without what is_leftover_name(). Links to files are files.
/// Each folder is listed once, however many links lead to it: under its own path if it is below
/// `directory`, else under the first link; a link to `directory` or to a folder that holds it is
/// ignored. Throws kNotFound or kUnavailable for a folder that cannot be listed, with its path.
std::vector<std::filesystem::path> list_files(const std::filesystem::path& directory,
                                              const std::vector<std::string>& extensions);

/// What list_files() finds where some folders cannot be listed, and what has a file's name and
/// cannot be opened at all: links to nowhere, pipes.
struct FileListing {
  std::vector<std::filesystem::path> files;
  std::vector<std::filesystem::path> unlisted;  ///< those folders, sorted
};
FileListing list_readable_files(const std::filesystem::path& directory,
                                const std::vector<std::string>& extensions);

}  // namespace blip2
