// Karpathy-split JSON lists, held in memory.
#include "blip2/data/sources/coco_karpathy.h"

#include <iterator>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/data/sources/json_record.h"

namespace blip2 {

namespace {

class CocoKarpathySource : public Source {
 public:
  CocoKarpathySource(const std::vector<std::filesystem::path>& files,
                     const std::filesystem::path& images) {
    for (const auto& path : files) {
      std::vector<Record> records = parse_json_records(
          read_file(path), path.string(), images.empty() ? path.parent_path() : images);
      std::move(records.begin(), records.end(), std::back_inserter(records_));
    }
  }

  int64_t size() const override { return static_cast<int64_t>(records_.size()); }

  Record record(int64_t index) const override {
    BLIP2_CHECK(index >= 0 && index < size());
    return records_[static_cast<size_t>(index)];
  }

 private:
  std::vector<Record> records_;
};

}  // namespace

std::unique_ptr<Source> open_coco_karpathy(const std::vector<std::filesystem::path>& files,
                                           const std::filesystem::path& images) {
  return std::make_unique<CocoKarpathySource>(files, images);
}

}  // namespace blip2
