// Runs, deltas and absolute pixels. What a lying file gives is Pillow's answer too: a run stops at
// the row's end, absolute pixels do not, and an end of line on an untouched row does nothing.
#include "blip2/image/bmp_rle.h"

#include <algorithm>
#include <utility>

namespace blip2::internal {
namespace {

class RunReader {
 public:
  RunReader(std::span<const uint8_t> file, size_t offset, BmpRuns runs, size_t width, size_t height)
      : file_(file), position_(offset), runs_(runs), width_(width), wanted_(width * height) {}

  std::vector<uint8_t> read() {
    while (indices_.size() < wanted_ && has(2)) {
      const uint8_t count = file_[position_], value = file_[position_ + 1];
      position_ += 2;
      if (count > 0) {
        add_run(count, value);
      } else if (!escape(value)) {
        break;
      }
    }
    return std::move(indices_);
  }

 private:
  bool has(size_t num_bytes) const {
    return position_ <= file_.size() && num_bytes <= file_.size() - position_;
  }
  void add_run(size_t count, uint8_t value) {
    count = std::min(count, column_ < width_ ? width_ - column_ : 0);
    for (size_t i = 0; i < count; ++i) {
      const int nibble = i % 2 == 0 ? value >> 4 : value & 15;
      indices_.push_back(runs_ == BmpRuns::kBytes ? value : static_cast<uint8_t>(nibble));
    }
    column_ += count;
  }
  bool escape(uint8_t code) {
    enum { kEndOfLine = 0, kEndOfBitmap = 1, kDelta = 2 };
    if (code == kEndOfBitmap) return false;
    if (code == kDelta) return skip();
    if (code != kEndOfLine) return copy(code);
    indices_.resize((indices_.size() + width_ - 1) / width_ * width_, 0);
    column_ = 0;
    return true;
  }
  bool skip() {
    if (!has(2)) return false;
    const size_t distance = file_[position_] + file_[position_ + 1] * width_;
    position_ += 2;
    indices_.resize(indices_.size() + std::min(distance, wanted_ - indices_.size()), 0);
    column_ = indices_.size() % width_;
    return true;
  }
  bool copy(size_t count) {
    const size_t used = std::min(count, wanted_ - indices_.size());
    const size_t num_bytes = runs_ == BmpRuns::kBytes ? used : (used + 1) / 2;
    if (!has(num_bytes)) return false;
    for (size_t i = 0; i < used; ++i) {
      const uint8_t byte = file_[position_ + (runs_ == BmpRuns::kBytes ? i : i / 2)];
      const int nibble = i % 2 == 0 ? byte >> 4 : byte & 15;
      indices_.push_back(runs_ == BmpRuns::kBytes ? byte : static_cast<uint8_t>(nibble));
    }
    position_ += num_bytes;
    if (indices_.size() == wanted_) return false;
    column_ += count;
    position_ += position_ % 2;  // padded to 16 bits of the file
    return true;
  }

  std::span<const uint8_t> file_;
  size_t position_;
  BmpRuns runs_;
  size_t width_;
  size_t wanted_;
  size_t column_ = 0;
  std::vector<uint8_t> indices_;
};

}  // namespace

std::vector<uint8_t> decode_runs(std::span<const uint8_t> file, size_t offset, BmpRuns runs,
                                 size_t width, size_t height) {
  return RunReader(file, offset, runs, width, height).read();
}

}  // namespace blip2::internal
