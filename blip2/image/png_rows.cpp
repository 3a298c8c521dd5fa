// Inflating row by row, and the filters of the PNG specification, section 9.
#include "blip2/image/png_rows.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>
#include <vector>

#include "blip2/image/codecs.h"

namespace blip2::internal {
namespace {

struct Pass {
  size_t first_x, first_y, step_x, step_y;
};

constexpr std::array<Pass, 7> kInterlaced = {{{0, 0, 8, 8},
                                              {4, 0, 8, 8},
                                              {0, 4, 4, 8},
                                              {2, 0, 4, 4},
                                              {0, 2, 2, 4},
                                              {1, 0, 2, 2},
                                              {0, 1, 1, 2}}};
constexpr std::array<Pass, 1> kPlain = {{{0, 0, 1, 1}}};

uint8_t paeth(int left, int above, int corner) {
  const int to_left = std::abs(above - corner);
  const int to_above = std::abs(left - corner);
  const int to_corner = std::abs(left + above - 2 * corner);
  if (to_left <= to_above && to_left <= to_corner) return static_cast<uint8_t>(left);
  return static_cast<uint8_t>(to_above <= to_corner ? above : corner);
}

enum class PngFilter : uint8_t { kNone, kSub, kUp, kAverage, kPaeth };

/// `step` is the number of bytes of a pixel, at least 1.
template <size_t step>
void unfilter(PngFilter filter, uint8_t* row, const uint8_t* above, size_t length) {
  switch (filter) {
    case PngFilter::kNone:
      return;
    case PngFilter::kSub:
      for (size_t i = step; i < length; ++i) row[i] = static_cast<uint8_t>(row[i] + row[i - step]);
      return;
    case PngFilter::kUp:
      for (size_t i = 0; i < length; ++i) row[i] = static_cast<uint8_t>(row[i] + above[i]);
      return;
    case PngFilter::kAverage:
      for (size_t i = 0; i < length; ++i) {
        const int left = i < step ? 0 : row[i - step];
        row[i] = static_cast<uint8_t>(row[i] + (left + above[i]) / 2);
      }
      return;
    case PngFilter::kPaeth:
      for (size_t i = 0; i < std::min(step, length); ++i) {
        row[i] = static_cast<uint8_t>(row[i] + above[i]);
      }
      for (size_t i = step; i < length; ++i) {
        row[i] = static_cast<uint8_t>(row[i] + paeth(row[i - step], above[i], above[i - step]));
      }
  }
}

using Unfilter = void (*)(PngFilter, uint8_t*, const uint8_t*, size_t);

Unfilter unfilter_of(size_t pixel_bits) {
  switch ((pixel_bits + 7) / 8) {
    case 1:
      return unfilter<1>;
    case 2:
      return unfilter<2>;
    case 3:
      return unfilter<3>;
    case 4:
      return unfilter<4>;
    case 6:
      return unfilter<6>;
    default:
      return unfilter<8>;
  }
}

/// zlib's state over the chunks' blocks.
class Inflater {
 public:
  Inflater(PngChunks& chunks, const Source& source) : chunks_(chunks), source_(source) {
    if (inflateInit(&stream_) != Z_OK) fail_damaged(source, "PNG", "zlib does not start");
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// Fills `out`. Errors where the data end before.
  void read(std::span<uint8_t> out) {
    stream_.next_out = out.data();
    stream_.avail_out = static_cast<uInt>(out.size());
    while (true) {
      while (stream_.avail_in == 0) load();
      const int status = inflate(&stream_, Z_NO_FLUSH);
      if (status < 0) {
        fail_damaged(source_, "PNG", stream_.msg != nullptr ? stream_.msg : "broken pixels");
      }
      is_at_end_ = status == Z_STREAM_END;
      if (stream_.avail_out == 0) return;
      stream_.avail_in = 0;  // what is left after the stream's end is passed over
    }
  }
  bool is_at_end() const { return is_at_end_; }

 private:
  void load() {
    const std::span<const uint8_t> block = chunks_.next_pixels();
    if (block.empty()) fail_damaged(source_, "PNG", "the data end early");
    stream_.next_in = const_cast<Bytef*>(block.data());
    stream_.avail_in = static_cast<uInt>(block.size());
  }

  PngChunks& chunks_;
  const Source& source_;
  z_stream stream_{};
  bool is_at_end_ = false;
};

size_t pixel_bits_of(const PngHeader& header) {
  constexpr std::array<size_t, 7> kSamples = {1, 0, 3, 1, 2, 0, 4};
  return kSamples[static_cast<size_t>(header.colour_type)] * static_cast<size_t>(header.depth);
}

}  // namespace

void read_png_rows(PngChunks& chunks, const Source& source,
                   const std::function<void(const PngRow&)>& put) {
  const PngHeader& header = chunks.header();
  const size_t width = header.width, height = header.height;
  const size_t bits = pixel_bits_of(header);
  const size_t most_bytes = 1 + (width * bits + 7) / 8;
  const Unfilter undo = unfilter_of(bits);
  std::vector<uint8_t> row(most_bytes), above(most_bytes);
  const std::span<const Pass> passes =
      header.is_interlaced ? std::span<const Pass>(kInterlaced) : std::span<const Pass>(kPlain);
  Inflater inflater(chunks, source);
  for (const Pass& pass : passes) {
    if (pass.first_x >= width) continue;
    const size_t num_pixels = (width - pass.first_x + pass.step_x - 1) / pass.step_x;
    const size_t length = (num_pixels * bits + 7) / 8;
    std::ranges::fill(above, uint8_t{0});
    for (size_t y = pass.first_y; y < height; y += pass.step_y) {
      inflater.read(std::span(row).first(1 + length));
      if (row[0] > static_cast<uint8_t>(PngFilter::kPaeth)) {
        fail_damaged(source, "PNG", fmt::format("filter {}", row[0]));
      }
      undo(static_cast<PngFilter>(row[0]), row.data() + 1, above.data() + 1, length);
      put({row.data() + 1, y, pass.first_x, pass.step_x, num_pixels});
      if (inflater.is_at_end()) return;
      std::swap(row, above);
    }
  }
}

}  // namespace blip2::internal
