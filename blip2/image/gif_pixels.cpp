// Codes to strings of indices. Damaged data go on as in Pillow: an empty block ends nothing, and an
// end code asks for more of the file.
#include "blip2/image/gif_pixels.h"

#include <algorithm>
#include <array>

namespace blip2::internal {
namespace {

constexpr int kMostBits = 12;
constexpr int kTableSize = 1 << kMostBits;
constexpr size_t kReadBytes = 65536;  // of the file at a time

/// The place of the next pixel, row after row.
class GifCursor {
 public:
  explicit GifCursor(const GifFrame& frame)
      : frame_(frame), pass_(frame.is_interlaced ? 1 : 0), step_(frame.is_interlaced ? 8 : 1) {}

  bool is_done() const { return is_done_; }
  void put(uint8_t index) {
    frame_.indices[y_ * frame_.stride + x_] = index;
    if (++x_ < frame_.width) return;
    x_ = 0;
    y_ += step_;
    while (y_ >= frame_.height && !is_done_) start_pass();
  }

 private:
  void start_pass() {
    switch (pass_) {
      case 1:
        y_ = 4;
        pass_ = 2;
        return;
      case 2:
        step_ = 4;
        y_ = 2;
        pass_ = 3;
        return;
      case 3:
        step_ = 2;
        y_ = 1;
        pass_ = 0;
        return;
      default:
        is_done_ = true;
    }
  }

  GifFrame frame_;
  int pass_;
  size_t step_;
  size_t x_ = 0, y_ = 0;
  bool is_done_ = false;
};

/// Codes of 3 to 12 bits out of blocks, each with its length before it.
class GifCodes {
 public:
  explicit GifCodes(std::span<const uint8_t> data) : data_(data) {
    read_ = std::min(data.size(), kReadBytes);
  }

  /// -1 at the end of the file.
  int next(int num_bits) {
    while (num_held_ < num_bits) {
      if (block_left_ == 0) {
        if (!open_block()) return -1;
        continue;
      }
      held_ |= static_cast<uint32_t>(data_[position_++]) << num_held_;
      num_held_ += 8;
      --block_left_;
    }
    const int code = static_cast<int>(held_ & ((1U << num_bits) - 1));
    held_ >>= num_bits;
    num_held_ -= num_bits;
    return code;
  }
  /// Reads on; false at the end of the file.
  bool read_more() {
    if (read_ == data_.size()) return false;
    read_ += std::min(data_.size() - read_, kReadBytes);
    return true;
  }

 private:
  /// A block must be whole before its first code is read.
  bool open_block() {
    while (position_ >= read_ || data_[position_] > read_ - position_ - 1) {
      if (!read_more()) return false;
    }
    block_left_ = data_[position_++];
    return true;
  }

  std::span<const uint8_t> data_;
  size_t read_;
  size_t position_ = 0;
  size_t block_left_ = 0;
  uint32_t held_ = 0;
  int num_held_ = 0;
};

/// Strings by their last index and the code of what comes before.
class GifDecoder {
 public:
  GifDecoder(std::span<const uint8_t> data, int code_bits, const GifFrame& frame)
      : codes_(data), cursor_(frame), code_bits_(code_bits), clear_(1 << code_bits) {
    reset();
  }

  GifEnd decode() {
    while (!cursor_.is_done()) {
      const int code = codes_.next(num_bits_);
      if (code < 0) return GifEnd::kCutOff;
      if (code == clear_) {
        if (!is_first_) reset();
      } else if (code == clear_ + 1) {
        if (!codes_.read_more()) return GifEnd::kCutOff;
      } else if (is_first_) {
        if (code > clear_) return GifEnd::kBroken;
        is_first_ = false;
        last_index_ = static_cast<uint8_t>(code);
        last_code_ = code;
        cursor_.put(last_index_);
      } else if (!put_string(code)) {
        return GifEnd::kBroken;
      }
    }
    return GifEnd::kWhole;
  }

 private:
  void reset() {
    next_ = clear_ + 2;
    num_bits_ = code_bits_ + 1;
    is_first_ = true;
  }
  bool put_string(int code) {
    if (code > next_) return false;
    size_t start = string_.size();  // filled from the end
    int rest = code;
    if (code == next_) {
      string_[--start] = last_index_;
      rest = last_code_;
    }
    while (rest >= clear_) {
      if (start == 0 || rest >= kTableSize) return false;
      string_[--start] = indices_[static_cast<size_t>(rest)];
      rest = links_[static_cast<size_t>(rest)];
    }
    last_index_ = static_cast<uint8_t>(rest);
    if (next_ < kTableSize) add_string();
    last_code_ = code;
    cursor_.put(last_index_);
    for (; start < string_.size() && !cursor_.is_done(); ++start) cursor_.put(string_[start]);
    return true;
  }
  void add_string() {
    indices_[static_cast<size_t>(next_)] = last_index_;
    links_[static_cast<size_t>(next_)] = static_cast<uint16_t>(last_code_);
    if (next_ == (1 << num_bits_) - 1 && num_bits_ < kMostBits) ++num_bits_;
    ++next_;
  }

  GifCodes codes_;
  GifCursor cursor_;
  int code_bits_;
  int clear_;
  int next_ = 0, num_bits_ = 0;
  bool is_first_ = true;
  uint8_t last_index_ = 0;
  int last_code_ = 0;
  std::array<uint8_t, kTableSize> indices_{}, string_{};
  std::array<uint16_t, kTableSize> links_{};
};

}  // namespace

GifEnd read_gif_pixels(std::span<const uint8_t> data, int code_bits, const GifFrame& frame) {
  if (code_bits > kMostBits) return GifEnd::kBroken;
  return GifDecoder(data, code_bits, frame).decode();
}

}  // namespace blip2::internal
