// Reading ahead by one thread, and finding duplicates in the order of the shard.
#include "blip2/workflows/capfilt/pictures.h"

#include <algorithm>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/data/image_bytes.h"
#include "blip2/image/decode.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

bool is_blank(const std::string& text) {
  return text.find_first_not_of(" \t\r\n\v\f") == std::string::npos;
}

/// Checked before the file is read: a picture may be larger than the memory.
void check_size(const Record& record, int64_t most) {
  std::error_code error;
  const auto size = record.stored ? record.stored->size
                                  : static_cast<int64_t>(fs::file_size(record.image, error));
  if (error || size <= most) return;  // a missing file is reported when it is opened
  fail(ErrorCode::kUnsupported, "{}: expected a picture file of at most {} bytes, found {}",
       record.image.string(), most, size);
}

/// The extension by the first bytes, for a file whose name has none.
std::string extension_of(const std::string& bytes) {
  if (bytes.starts_with("\x89PNG")) return "png";
  if (bytes.starts_with("RIFF")) return "webp";
  if (bytes.starts_with("GIF8")) return "gif";
  if (bytes.starts_with("BM")) return "bmp";
  return "jpg";
}

}  // namespace

CapFiltPictures::CapFiltPictures(const CapFiltConfig& config, const std::string& shard,
                                 const ShardRecords& records)
    : config_(config), shard_(shard), records_(records) {
  ahead_ = std::async(std::launch::async, [this] { return read(0); });
}

bool CapFiltPictures::next(std::vector<CapFiltPicture>& batch) {
  if (next_ >= records_.size()) return false;
  batch = ahead_.get();
  next_ += config_.batch_size;
  if (next_ < records_.size()) {
    ahead_ = std::async(std::launch::async, [this, first = next_] { return read(first); });
  }
  for (CapFiltPicture& picture : batch) {
    if (picture.fate != CapFiltPicture::Fate::kGood) continue;
    // Two members of one name would be one sample of the output.
    if (members_.insert(picture.record.member).second) continue;
    picture.fate = CapFiltPicture::Fate::kFailed;
    picture.reason =
        fmt::format("{}: expected a unique name in the shard, found it twice", picture.name);
  }
  if (config_.dedup) find_duplicates(batch);
  return true;
}

std::vector<CapFiltPicture> CapFiltPictures::read(int64_t first) const {
  std::vector<CapFiltPicture> batch;
  const int64_t end = std::min(first + config_.batch_size, records_.size());
  for (int64_t index = first; index < end; ++index) {
    CapFiltPicture& picture = batch.emplace_back();
    picture.index = index;
    picture.name = fmt::format("{}, record {}", shard_, index);
    try {
      read_one(picture);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kInternal) throw;
      picture.fate = CapFiltPicture::Fate::kFailed;
      picture.reason = error.what();
    }
  }
  return batch;
}

void CapFiltPictures::read_one(CapFiltPicture& picture) const {
  picture.record = records_.read(picture.index);
  const Record& record = picture.record.record;
  picture.name = record.key;
  if (!opted_out_by(picture.record.fields, config_.opt_out).empty()) {
    picture.fate = CapFiltPicture::Fate::kOptOut;
    return;
  }
  std::erase_if(picture.record.record.captions, is_blank);
  check_size(record, config_.max_image_bytes);
  const ImageBytes file(record);
  picture.bytes.assign(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  picture.image = decode_rgba(file.bytes(), record.image.string(), decode_options(config_));
  if (picture.record.extension.empty()) picture.record.extension = extension_of(picture.bytes);
  if (!config_.dedup) return;
  picture.content = checksum(std::string_view(picture.bytes));
  picture.hash = hash_picture(picture.image);
}

/// Goes by the order of the shard, so that the result does not depend on the worker.
void CapFiltPictures::find_duplicates(std::vector<CapFiltPicture>& batch) {
  const auto most = static_cast<int>(config_.dedup_distance);
  for (CapFiltPicture& picture : batch) {
    if (picture.fate != CapFiltPicture::Fate::kGood) continue;
    if (!contents_.insert(picture.content).second) {
      picture.fate = CapFiltPicture::Fate::kDuplicate;
    } else if (std::ranges::any_of(hashes_, [&](const PictureHash& earlier) {
                 return looks_alike(earlier, picture.hash, most);
               })) {
      picture.fate = CapFiltPicture::Fate::kNearDuplicate;
    } else {
      hashes_.push_back(picture.hash);
    }
  }
}

}  // namespace blip2
