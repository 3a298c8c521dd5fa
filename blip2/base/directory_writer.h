// A directory that appears whole or not at all.
#pragma once

#include <filesystem>
#include <string>

namespace blip2 {

/// What a folder is, and the file by which an older one is known.
struct DirectoryMark {
  std::string name;    ///< "model": for messages
  std::string marker;  ///< "config.json"
};

/// Files are written into path(), a folder beside the target; commit() renames it into place.
/// Without it the destructor removes what was written.
class DirectoryWriter {
 public:
  /// Makes the folder to write in, and the target's parents. Throws kInvalidArgument where the
  /// target is a file, or a folder with contents but no marker: nobody's documents are replaced.
  /// kUnavailable.
  DirectoryWriter(const std::filesystem::path& target, const DirectoryMark& kind);
  ~DirectoryWriter();
  DirectoryWriter(const DirectoryWriter&) = delete;
  DirectoryWriter& operator=(const DirectoryWriter&) = delete;

  const std::filesystem::path& path() const { return temporary_; }
  /// The target is now what was written; what stood there before is gone. Throws kUnavailable.
  void commit();

 private:
  std::filesystem::path target_;
  std::filesystem::path temporary_;
};

}  // namespace blip2
