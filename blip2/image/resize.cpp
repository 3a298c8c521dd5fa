// Weights, tiles and strips around the kernels of resampling. The output is made in tiles small
// enough that weights and sums fit memory whatever the sizes are (nearly always it is one tile). Of
// a tile, the source passes in strips of rows: a strip is transposed, so that the horizontal pass
// too is a weighted sum of contiguous rows, and then added to the sums of the output rows that it
// touches. Past 400 lines, because both orders of the passes share tiles, strips and weights.
#include "blip2/image/resize.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"
#include "blip2/image/nearest.h"
#include "blip2/image/resample_kernels.h"

namespace blip2 {
namespace {

using internal::add_weighted_rows;
using internal::kKernelAlignment;
using internal::kWeightBits;
using internal::weights_to_bytes;

constexpr int kStripRows = 64;
constexpr int32_t kOneHalf = 1 << (kWeightBits - 1);
constexpr size_t kMaxTileWeights = 4 << 20;
constexpr size_t kMaxTileSums = 1 << 20;

/// One axis of a resize: `source` pixels become `target`.
struct Axis {
  int source;
  int64_t target;
  Filter filter;
  int first = 0;  // the pixels at hand start there

  bool is_resampled() const { return source != target; }
  double scale() const { return static_cast<double>(source) / static_cast<double>(target); }
  double support() const { return filter_support(filter) * std::max(scale(), 1.0); }
  size_t max_weights() const { return static_cast<size_t>(std::ceil(support())) * 2 + 1; }
};

/// For each output position of a tile, where its source pixels start, and their weights.
struct Weights {
  struct Span {
    int start;
    int count;
  };
  std::vector<Span> spans;
  std::vector<int32_t> values;  // max_weights() an output position
  size_t stride = 0;

  const int32_t* row(size_t position) const { return values.data() + position * stride; }
  int begin() const { return spans.front().start; }  // both ends of a span grow with its position
  int end() const { return spans.back().start + spans.back().count; }
};

Weights make_weights(const Axis& axis, int64_t first, int count) {
  const double scale = axis.scale();
  const double filter_scale = std::max(scale, 1.0);
  const double support = axis.support();
  Weights weights;
  weights.stride = axis.max_weights();
  weights.values.assign(static_cast<size_t>(count) * weights.stride, 0);
  std::vector<double> exact(weights.stride);
  for (int o = 0; o < count; ++o) {
    const double centre = (static_cast<double>(first + o) + 0.5) * scale;
    const int start = std::max(static_cast<int>(centre - support + 0.5), 0);
    const int length = std::min(static_cast<int>(centre + support + 0.5), axis.source) - start;
    double sum = 0.0;
    for (int i = 0; i < length; ++i) {
      const double x = (i + start - centre + 0.5) * (1.0 / filter_scale);
      sum += exact[static_cast<size_t>(i)] = filter_value(axis.filter, x);
    }
    int32_t* row = weights.values.data() + static_cast<size_t>(o) * weights.stride;
    for (int i = 0; i < length; ++i) {
      double weight = exact[static_cast<size_t>(i)];
      if (sum != 0.0) weight /= sum;
      weight *= 1 << kWeightBits;
      row[i] = static_cast<int32_t>(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
    weights.spans.push_back({start - axis.first, length});
  }
  return weights;
}

size_t padded(size_t length) {
  return (length + kKernelAlignment - 1) / kKernelAlignment * kKernelAlignment;
}

struct Pixels {
  const uint8_t* data;
  int width;
  int height;
  size_t channels;

  const uint8_t* at(int x, int y) const {
    return data + (static_cast<size_t>(y) * static_cast<size_t>(width) + static_cast<size_t>(x)) *
                      channels;
  }
};

/// Copies `count` pixels, each axis with its own step. `may_spill`: the byte after each pixel may
/// be read and overwritten, so that a pixel of 3 bytes moves as one word.
template <size_t channels, bool may_spill>
void copy_pixels(const uint8_t* in, size_t in_step, uint8_t* out, size_t out_step, int count) {
  constexpr size_t kBytes = may_spill ? 4 : channels;
  for (int i = 0; i < count; ++i, in += in_step, out += out_step) std::memcpy(out, in, kBytes);
}

/// Pixel (x, y) of the rectangle to out[(x - left) * stride + (y - top) * channels]. In blocks of
/// columns, so that what is written stays in the first cache.
template <size_t channels>
void transpose(const Pixels& source, int left, int right, int top, int bottom, uint8_t* out,
               size_t stride) {
  constexpr int kBlock = 32;
  for (int block = left; block < right; block += kBlock) {
    const int count = std::min(kBlock, right - block);
    uint8_t* to = out + static_cast<size_t>(block - left) * stride;
    // What spills from a row is overwritten by the next; the last must not spill.
    for (int y = top; y < bottom - 1; ++y, to += channels) {
      copy_pixels<channels, true>(source.at(block, y), channels, to, stride, count);
    }
    copy_pixels<channels, false>(source.at(block, bottom - 1), channels, to, stride, count);
  }
}

/// The horizontal pass of a strip of rows, for the columns of one tile.
class Strip {
 public:
  Strip(const Pixels& source, const Weights& columns, bool resample)
      : source_(source), columns_(columns), resample_(resample) {
    stride_ = padded(columns.spans.size() * source.channels);
    rows_.assign(stride_ * kStripRows, 0);
    if (!resample) return;
    line_length_ =
        padded(static_cast<size_t>(std::min(kStripRows, source.height)) * source.channels);
    transposed_.assign(static_cast<size_t>(columns.end() - columns.begin()) * line_length_, 0);
    sums_.resize(line_length_);
    line_.resize(line_length_ + 1);
  }

  /// Makes rows top..bottom - 1 of the horizontally resized picture.
  void load(int top, int bottom) {
    if (!resample_) {
      for (int y = top; y < bottom; ++y) {
        std::memcpy(row(y - top), source_.at(columns_.begin(), y),
                    columns_.spans.size() * source_.channels);
      }
    } else if (source_.channels == 3) {
      load_resampled<3>(top, bottom);
    } else {
      load_resampled<4>(top, bottom);
    }
  }

  uint8_t* row(int y) { return rows_.data() + static_cast<size_t>(y) * stride_; }
  size_t stride() const { return stride_; }

 private:
  template <size_t channels>
  void load_resampled(int top, int bottom) {
    transpose<channels>(source_, columns_.begin(), columns_.end(), top, bottom, transposed_.data(),
                        line_length_);
    for (size_t x = 0; x < columns_.spans.size(); ++x) {
      const Weights::Span span = columns_.spans[x];
      const auto first = static_cast<size_t>(span.start - columns_.begin()) * line_length_;
      std::fill(sums_.begin(), sums_.end(), kOneHalf);
      add_weighted_rows({transposed_.data() + first, line_length_, columns_.row(x),
                         static_cast<size_t>(span.count)},
                        sums_.data(), line_length_);
      weights_to_bytes(sums_.data(), line_.data(), line_length_);
      uint8_t* to = rows_.data() + x * channels;
      // What spills from a column is overwritten by the next; the last must not spill.
      if (x + 1 < columns_.spans.size()) {
        copy_pixels<channels, true>(line_.data(), channels, to, stride_, bottom - top);
      } else {
        copy_pixels<channels, false>(line_.data(), channels, to, stride_, bottom - top);
      }
    }
  }

  const Pixels& source_;
  const Weights& columns_;
  bool resample_;
  size_t stride_ = 0;                // bytes of a finished row, padded
  std::vector<uint8_t> rows_;        // [kStripRows, stride_]
  size_t line_length_ = 0;           // bytes of a column of the strip, padded
  std::vector<uint8_t> transposed_;  // [columns of the source, line_length_]
  std::vector<int32_t> sums_;
  std::vector<uint8_t> line_;
};

/// The vertical pass: sums of all output rows of a tile, strip after strip.
std::vector<int32_t> sum_rows(Strip& strip, const Weights& rows) {
  std::vector<int32_t> sums(rows.spans.size() * strip.stride(), kOneHalf);
  for (int top = rows.begin(); top < rows.end(); top += kStripRows) {
    const int bottom = std::min(top + kStripRows, rows.end());
    strip.load(top, bottom);
    for (size_t o = 0; o < rows.spans.size(); ++o) {
      const Weights::Span span = rows.spans[o];
      const int first = std::max(span.start, top);
      const int last = std::min(span.start + span.count, bottom);
      if (first >= last) continue;
      add_weighted_rows({strip.row(first - top), strip.stride(), rows.row(o) + (first - span.start),
                         static_cast<size_t>(last - first)},
                        sums.data() + o * strip.stride(), strip.stride());
    }
  }
  return sums;
}

struct Tile {
  int left, top, width, height;  // in the window
};

struct Axes {
  Axis columns, rows;
};

void resample_tile(const Pixels& source, const ResizeWindow& window, const Axes& axes,
                   const Tile& tile, uint8_t* out) {
  const Weights columns = make_weights(axes.columns, window.left + tile.left, tile.width);
  const Weights rows = make_weights(axes.rows, window.top + tile.top, tile.height);
  // An axis that keeps its size has the weight 1 for each pixel: copying is the same, and faster.
  Weights plain_columns;
  if (!axes.columns.is_resampled()) {
    for (int x = 0; x < tile.width; ++x) {
      plain_columns.spans.push_back({static_cast<int>(window.left) + tile.left + x, 1});
    }
  }
  Strip strip(source, axes.columns.is_resampled() ? columns : plain_columns,
              axes.columns.is_resampled());
  const std::vector<int32_t> sums = sum_rows(strip, rows);
  std::vector<uint8_t> line(strip.stride());
  for (int y = 0; y < tile.height; ++y) {
    weights_to_bytes(sums.data() + static_cast<size_t>(y) * strip.stride(), line.data(),
                     line.size());
    const size_t at = static_cast<size_t>(tile.top + y) * static_cast<size_t>(window.width) +
                      static_cast<size_t>(tile.left);
    std::memcpy(out + at * source.channels, line.data(),
                static_cast<size_t>(tile.width) * source.channels);
  }
}

void check_shapes(const Pixels& source, size_t num_bytes, const ResizeWindow& window) {
  if (source.width <= 0 || source.height <= 0 ||
      num_bytes != static_cast<size_t>(source.width) * static_cast<size_t>(source.height) *
                       source.channels) {
    fail(ErrorCode::kInvalidArgument, "resize: expected {} x {} pixels of {} bytes, found {} bytes",
         source.width, source.height, source.channels, num_bytes);
  }
  if (window.width <= 0 || window.height <= 0 || window.left < 0 || window.top < 0 ||
      window.left > window.full_width - window.width ||
      window.top > window.full_height - window.height) {
    fail(ErrorCode::kInvalidArgument,
         "resize: expected a window within {} x {}, found {} x {} at ({}, {})", window.full_width,
         window.full_height, window.width, window.height, window.left, window.top);
  }
}

/// Horizontal pass first, tile by tile.
std::vector<uint8_t> resample_tiles(const Pixels& source, const ResizeWindow& window,
                                    const Axes& axes) {
  const size_t column_weights = axes.columns.max_weights();
  const size_t row_weights = axes.rows.max_weights();
  const auto limit = [](int wanted, size_t most) {
    return static_cast<int>(std::clamp<size_t>(most, 1, static_cast<size_t>(wanted)));
  };
  const int tile_width =
      limit(window.width, std::min(kMaxTileWeights / column_weights, kMaxTileSums / 4));
  const size_t row_sums = static_cast<size_t>(tile_width) * source.channels;
  const int tile_height =
      limit(window.height, std::min(kMaxTileWeights / row_weights, kMaxTileSums / row_sums));
  std::vector<uint8_t> out(static_cast<size_t>(window.width) * static_cast<size_t>(window.height) *
                           source.channels);
  for (int top = 0; top < window.height; top += tile_height) {
    for (int left = 0; left < window.width; left += tile_width) {
      const Tile tile{left, top, std::min(tile_width, window.width - left),
                      std::min(tile_height, window.height - top)};
      resample_tile(source, window, axes, tile, out.data());
    }
  }
  return out;
}

/// Vertical pass first: the source's columns that the window needs, at their new height, are a
/// picture of their own, smaller than the source.
std::vector<uint8_t> resample_rows_first(const Pixels& source, const ResizeWindow& window,
                                         const Axes& axes) {
  const Weights first = make_weights(axes.columns, window.left, 1);
  const Weights last = make_weights(axes.columns, window.left + window.width - 1, 1);
  ResizeWindow tall = window;
  tall.full_width = source.width;
  tall.left = first.begin();
  tall.width = last.end() - first.begin();
  const Axis kept_columns{source.width, source.width, axes.columns.filter};
  const std::vector<uint8_t> between = resample_tiles(source, tall, {kept_columns, axes.rows});
  ResizeWindow wide = window;
  wide.full_height = window.height;
  wide.top = 0;
  Axis columns = axes.columns;
  columns.first = first.begin();
  const Axis kept_rows{window.height, window.height, axes.rows.filter};
  return resample_tiles({between.data(), tall.width, window.height, source.channels}, wide,
                        {columns, kept_rows});
}

std::vector<uint8_t> resample(const Pixels& source, const ResizeWindow& window, Filter filter,
                              ResizeOrder order) {
  if (filter == Filter::kNearest) {
    return internal::nearest_pixels({source.data, source.width, source.height, source.channels},
                                    {window.full_width, window.left, window.width},
                                    {window.full_height, window.top, window.height});
  }
  const Axes axes{{source.width, window.full_width, filter},
                  {source.height, window.full_height, filter}};
  const int64_t shrunk_columns = source.width - window.full_width;
  const int64_t shrunk_rows = source.height - window.full_height;
  const bool rows_first = order == ResizeOrder::kByShape && axes.columns.is_resampled() &&
                          shrunk_rows > 0 && shrunk_rows > 2 * shrunk_columns;
  return rows_first ? resample_rows_first(source, window, axes)
                    : resample_tiles(source, window, axes);
}

bool has_transparency(const ImageRgba& image) {
  for (size_t i = 3; i < image.rgba.size(); i += 4) {
    if (image.rgba[i] != 255) return true;
  }
  return false;
}

ImageRgba resample_rgba(const ImageRgba& image, const ResizeWindow& window, Filter filter,
                        ResizeOrder order) {
  const Pixels source{image.rgba.data(), image.width, image.height, 4};
  check_shapes(source, image.rgba.size(), window);
  return {window.width, window.height, resample(source, window, filter, order)};
}

}  // namespace

std::vector<std::string> resize_order_names() { return {"pillow-13", "pillow-12"}; }

ResizeOrder parse_resize_order(std::string_view name) {
  if (name == "pillow-13") return ResizeOrder::kByShape;
  if (name == "pillow-12") return ResizeOrder::kHorizontalFirst;
  fail(ErrorCode::kInvalidArgument, "resize order: expected pillow-13 or pillow-12, found {}",
       quote(name));
}

ImageRgba premultiply(ImageRgba image) {
  for (size_t i = 0; i + 3 < image.rgba.size(); i += 4) {
    const int alpha = image.rgba[i + 3];
    for (size_t c = 0; c < 3; ++c) {
      const int product = image.rgba[i + c] * alpha + 128;
      image.rgba[i + c] = static_cast<uint8_t>(((product >> 8) + product) >> 8);
    }
  }
  return image;
}

ImageRgba unpremultiply(ImageRgba image) {
  for (size_t i = 0; i + 3 < image.rgba.size(); i += 4) {
    const int alpha = image.rgba[i + 3];
    if (alpha == 0 || alpha == 255) continue;
    for (size_t c = 0; c < 3; ++c) {
      image.rgba[i + c] = static_cast<uint8_t>(std::min(255 * image.rgba[i + c] / alpha, 255));
    }
  }
  return image;
}

Image resize_window(const Image& image, const ResizeWindow& window, Filter filter,
                    ResizeOrder order) {
  const Pixels source{image.rgb.data(), image.width, image.height, 3};
  check_shapes(source, image.rgb.size(), window);
  return {window.width, window.height, resample(source, window, filter, order)};
}

ImageRgba resize_window(const ImageRgba& image, const ResizeWindow& window, Filter filter,
                        ResizeOrder order) {
  // Pillow copies a picture that keeps its size; premultiplying would lose colours for nothing.
  const bool same = window.full_width == image.width && window.full_height == image.height;
  if (same || filter == Filter::kNearest || !has_transparency(image)) {
    return resample_rgba(image, window, filter, order);
  }
  return unpremultiply(resample_rgba(premultiply(image), window, filter, order));
}

Image resize(const Image& image, int width, int height, Filter filter, ResizeOrder order) {
  return resize_window(image, {width, height, 0, 0, width, height}, filter, order);
}

ImageRgba resize(const ImageRgba& image, int width, int height, Filter filter, ResizeOrder order) {
  return resize_window(image, {width, height, 0, 0, width, height}, filter, order);
}

ImageRgba resize_premultiplied(const ImageRgba& image, int width, int height, Filter filter,
                               ResizeOrder order) {
  return resample_rgba(image, {width, height, 0, 0, width, height}, filter, order);
}

Image crop(const Image& image, int left, int top, int width, int height) {
  if (left < 0 || top < 0 || width <= 0 || height <= 0 || left > image.width - width ||
      top > image.height - height) {
    fail(ErrorCode::kInvalidArgument,
         "crop: expected a rectangle within {} x {}, found {} x {} at ({}, {})", image.width,
         image.height, width, height, left, top);
  }
  const Pixels source{image.rgb.data(), image.width, image.height, 3};
  Image out{width, height, {}};
  out.rgb.reserve(static_cast<size_t>(width) * static_cast<size_t>(height) * 3);
  for (int y = top; y < top + height; ++y) {
    out.rgb.insert(out.rgb.end(), source.at(left, y), source.at(left, y) + 3 * width);
  }
  return out;
}

}  // namespace blip2
