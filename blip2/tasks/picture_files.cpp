#include "blip2/tasks/picture_files.h"

#include "blip2/base/error.h"
#include "blip2/data/shard.h"
#include "blip2/data/tar_index.h"

namespace blip2 {
namespace fs = std::filesystem;

namespace {

/// The length of the shard's path at the start of SHARD.tar/MEMBER; 0 where there is no such shard.
size_t shard_length(const std::string& name) {
  for (size_t at = name.find(".tar/"); at != std::string::npos; at = name.find(".tar/", at + 1)) {
    if (is_shard(name.substr(0, at + 4))) return at + 4;
  }
  return 0;
}

}  // namespace

bool is_shard(const std::string& path) {
  std::error_code error;
  return path.ends_with(".tar") && fs::is_regular_file(path, error);
}

bool names_picture(const std::string& text) {
  std::error_code ignored;  // a long text is no valid path, which is no error here
  return fs::is_regular_file(text, ignored) || shard_length(text) > 0;
}

std::vector<std::string> pictures_in_shard(const std::string& shard) {
  const MappedFile file(shard);
  const TarIndex index = index_tar(file.bytes());
  std::vector<std::string> names;
  for (const TarMember& member : index.members) {
    if (is_picture_name(member.name)) names.push_back(shard + "/" + member.name);
  }
  if (!index.damage.empty()) names.push_back(shard);
  if (names.empty()) {
    fail(ErrorCode::kNotFound, "{}: no picture (.jpg .jpeg .png .webp .gif .bmp) in this shard",
         shard);
  }
  return names;
}

void PictureFiles::index(const std::string& shard) {
  if (shard_ == shard) return;
  const MappedFile file(shard);
  TarIndex index = index_tar(file.bytes());
  members_.clear();
  for (TarMember& member : index.members) {
    members_.insert_or_assign(std::move(member.name), FileRange{shard, member.offset, member.size});
  }
  damage_ = std::move(index.damage);
  shard_ = shard;
}

std::unique_ptr<ImageBytes> PictureFiles::open(const std::string& name) {
  if (is_shard(name)) {
    index(name);
    fail(ErrorCode::kCorruptData, "{}: {}", name,
         damage_.empty() ? "expected a picture, found a shard" : damage_);
  }
  const size_t length = shard_length(name);
  if (length == 0) return std::make_unique<ImageBytes>(name, std::nullopt);
  index(name.substr(0, length));
  const auto member = members_.find(name.substr(length + 1));
  if (member == members_.end()) {
    fail(ErrorCode::kNotFound, "{}: no such member in the shard{}", name,
         damage_.empty() ? "" : ", which is damaged: " + damage_);
  }
  return std::make_unique<ImageBytes>(name, member->second);
}

}  // namespace blip2
