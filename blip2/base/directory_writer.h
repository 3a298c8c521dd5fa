// A directory that appears whole or not at all.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace blip2 {

/// What a folder is, and how an older one is known: by a file that says so, and by holding nothing
/// that no such folder has.
struct DirectoryMark {
  std::string name;    ///< "model": for messages
  std::string marker;  ///< "config.json"
  /// Whether the marker's content is what such a folder has.
  bool (*is_own)(std::string_view content);
  /// All files that such a folder can have, by their paths in it: "config.json",
  /// "qformer_tokenizer/vocab.txt".
  std::vector<std::string> files;
};

/// Throws kInvalidArgument unless a folder of this kind may be written at `target`: nothing exists
/// there, or an empty folder, or an older one of its kind without any file beside those that it can
/// have. The message names what is in the way. A mount point cannot be replaced.
void check_replaceable(const std::filesystem::path& target, const DirectoryMark& kind);

/// Files are written into path(), a folder beside the target; commit() renames it into place. Where
/// the target is a link, what it leads to is written.
/// Without it the destructor removes what was written.
class DirectoryWriter {
 public:
  /// Makes the folder to write in, and the target's parents. Throws as check_replaceable() does:
  /// nobody's documents are replaced. kUnavailable.
  DirectoryWriter(const std::filesystem::path& target, const DirectoryMark& kind);
  ~DirectoryWriter();
  DirectoryWriter(const DirectoryWriter&) = delete;
  DirectoryWriter& operator=(const DirectoryWriter&) = delete;

  const std::filesystem::path& path() const { return temporary_; }
  /// The target is now what was written, from one instant to the next where the file system can
  /// swap folders; what stood there before is gone. Throws kUnavailable, and kInvalidArgument where
  /// somebody has put other files there meanwhile.
  void commit();

 private:
  std::filesystem::path target_;
  DirectoryMark kind_;
  std::filesystem::path temporary_;
};

}  // namespace blip2
