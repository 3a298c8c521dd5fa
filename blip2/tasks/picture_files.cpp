// Finds pictures in folders and tar shards, and opens them by name.
#include "blip2/tasks/picture_files.h"

#include <algorithm>

#include "blip2/base/error.h"
#include "blip2/base/file_kind.h"
#include "blip2/base/files.h"
#include "blip2/base/list_files.h"
#include "blip2/data/shards/tar_index.h"
#include "blip2/image/picture_name.h"

namespace blip2 {
namespace fs = std::filesystem;

namespace {

std::string no_picture_in(const std::string& name, const char* what) {
  return fmt::format("{}: no picture ({}) in this {}", name, kPictureExtensions, what);
}

bool is_picture_member(const std::string& name) {
  return is_picture_name(name) && !is_leftover_path(name);
}

/// Says what a file is that cannot be a picture, where its name does not promise one.
void refuse_other_kinds(const std::string& name, std::span<const std::byte> bytes) {
  if (is_picture_name(name)) return;  // decoding it tells more
  const std::string_view start(reinterpret_cast<const char*>(bytes.data()),
                               std::min<size_t>(bytes.size(), 512));
  const std::string_view kind = file_kind(start);
  if (kind.empty()) return;
  fail(ErrorCode::kUnsupported, "{}: expected a picture or a .tar shard, found {}{}", name, kind,
       file_kind_advice(start));
}

/// Says why nothing in a folder could be read.
[[noreturn]] void refuse_folder(const std::string& folder) {
  const bool is_empty = list_files(folder, picture_extensions()).empty();
  if (is_empty) fail(ErrorCode::kNotFound, "{}", no_picture_in(folder, "folder"));
  fail(ErrorCode::kInvalidArgument, "{}: expected a picture, found a folder", folder);
}

/// The length of the shard's path at the start of SHARD.tar/MEMBER; 0 where there is no such shard.
size_t shard_length(const std::string& name) {
  for (size_t at = name.find(".tar/"); at != std::string::npos; at = name.find(".tar/", at + 1)) {
    if (is_shard(name.substr(0, at + 4))) return at + 4;
  }
  return 0;
}

/// Names for the members of a tar, where one name may occur again: a second "a.png" is "a.png#2".
class MemberNames {
 public:
  std::string next(const std::string& name) {
    const int64_t count = ++counts_[name];
    return count == 1 ? name : next(fmt::format("{}#{}", name, count));
  }

 private:
  std::unordered_map<std::string, int64_t> counts_;
};

}  // namespace

bool is_shard(const std::string& path) {
  std::error_code error;
  return path.ends_with(".tar") && fs::is_regular_file(path, error);
}

bool names_picture(const std::string& text) {
  std::error_code ignored;  // a long text is not a valid path, which is no error here
  return fs::is_regular_file(text, ignored) || shard_length(text) > 0;
}

std::vector<std::string> pictures_in_shard(const std::string& shard) {
  std::vector<std::string> names;
  try {
    const MappedFile file(shard);
    const TarIndex index = index_tar(file.bytes());
    MemberNames unique;
    for (const TarMember& member : index.members) {
      const std::string name = unique.next(member.name);
      if (is_picture_member(member.name)) names.push_back(shard + "/" + name);
    }
    if (!index.damage.empty() || names.empty()) names.push_back(shard);
  } catch (const Error&) {  // opening it fails again
    names.push_back(shard);
  }
  return names;
}

std::vector<std::string> pictures_in_folder(const std::string& folder) {
  const FileListing listing = list_readable_files(folder, picture_extensions());
  std::vector<std::string> names;
  for (const fs::path& file : listing.files) names.push_back(file.string());
  for (const fs::path& unlisted : listing.unlisted) names.push_back(unlisted.string());
  if (names.empty()) names.push_back(folder);
  return names;
}

void PictureFiles::index(const std::string& shard) {
  if (shard_ == shard) return;
  const MappedFile file(shard);
  TarIndex index = index_tar(file.bytes());
  members_.clear();
  MemberNames unique;
  for (const TarMember& member : index.members) {
    members_.emplace(unique.next(member.name), FileRange{shard, member.offset, member.size});
  }
  damage_ = std::move(index.damage);
  shard_ = shard;
}

std::unique_ptr<ImageBytes> PictureFiles::open(const std::string& name) {
  // A name with a zero byte is not a path: the system would open the part before the byte.
  if (name.find('\0') != std::string::npos) return std::make_unique<ImageBytes>(name, std::nullopt);
  if (is_shard(name)) {
    index(name);
    if (!damage_.empty()) fail(ErrorCode::kCorruptData, "{}: {}", name, damage_);
    const bool has_pictures = std::ranges::any_of(
        members_, [](const auto& member) { return is_picture_member(member.first); });
    if (!has_pictures) fail(ErrorCode::kNotFound, "{}", no_picture_in(name, "shard"));
    fail(ErrorCode::kInvalidArgument, "{}: expected a picture, found a shard", name);
  }
  std::error_code error;
  if (fs::is_directory(name, error)) refuse_folder(name);
  const size_t length = shard_length(name);
  if (length == 0) {
    auto file = std::make_unique<ImageBytes>(name, std::nullopt);
    refuse_other_kinds(name, file->bytes());
    return file;
  }
  index(name.substr(0, length));
  const auto member = members_.find(name.substr(length + 1));
  if (member == members_.end()) {
    fail(ErrorCode::kNotFound, "{}: no such member in the shard{}", name,
         damage_.empty() ? "" : ", which is damaged: " + damage_);
  }
  return std::make_unique<ImageBytes>(name, member->second);
}

}  // namespace blip2
