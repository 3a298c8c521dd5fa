// Resizing that equals Pillow's `Image.resize` bit for bit: antialiased (the filter widens when it
// shrinks), 22-bit weights, two passes with bytes between them. Not torch's interpolation.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "blip2/image/filters.h"
#include "blip2/image/image.h"

namespace blip2 {

/// Which pass comes first. Bytes are rounded between the passes, so a pixel may differ by 1 or 2.
enum class ResizeOrder {
  /// "pillow-13": as Pillow since 13.0, vertical first where the height shrinks by more than twice
  /// what the width does, in pixels (Resample.c); else horizontal first.
  kByShape,
  kHorizontalFirst,  ///< "pillow-12": as Pillow to 12.x
};

std::vector<std::string> resize_order_names();
/// Throws kInvalidArgument for any other name.
ResizeOrder parse_resize_order(std::string_view name);

/// A part of a resized picture: the whole would be full_width x full_height, of which the rectangle
/// at (left, top) is wanted. The result equals resize and then crop; nothing outside is computed,
/// so a picture of 1 x 100,000 pixels whose middle is wanted costs no more than that middle.
struct ResizeWindow {
  int64_t full_width = 0;
  int64_t full_height = 0;
  int64_t left = 0;
  int64_t top = 0;
  int width = 0;
  int height = 0;
};

/// Throws kInvalidArgument unless the picture is whole and the window is inside the resized
/// picture. RGBA is premultiplied, resized and divided again, as Pillow does. Thread-safe.
Image resize_window(const Image& image, const ResizeWindow& window, Filter filter,
                    ResizeOrder order = ResizeOrder::kByShape);
ImageRgba resize_window(const ImageRgba& image, const ResizeWindow& window, Filter filter,
                        ResizeOrder order = ResizeOrder::kByShape);

/// The whole picture to width x height.
Image resize(const Image& image, int width, int height, Filter filter = Filter::kBicubic,
             ResizeOrder order = ResizeOrder::kByShape);
ImageRgba resize(const ImageRgba& image, int width, int height, Filter filter = Filter::kBicubic,
                 ResizeOrder order = ResizeOrder::kByShape);

/// The rectangle at (left, top), which must be inside the picture.
Image crop(const Image& image, int left, int top, int width, int height);

/// Colours times alpha / 255 and back, rounded as Pillow's modes "RGBa" and "RGBA" are.
ImageRgba premultiply(ImageRgba image);
ImageRgba unpremultiply(ImageRgba image);

/// resize_window() for a picture that is already premultiplied, left premultiplied.
ImageRgba resize_premultiplied(const ImageRgba& image, int width, int height,
                               Filter filter = Filter::kBicubic,
                               ResizeOrder order = ResizeOrder::kByShape);

}  // namespace blip2
