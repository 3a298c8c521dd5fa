// Placing, turning and tinting. Alpha stays premultiplied from the resize to the background, so
// that the colours of transparent pixels never show.
#include "blip2/image/augment.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>

#include "blip2/base/error.h"

namespace blip2 {
namespace {

/// What is drawn for one view, in the order of drawing.
struct View {
  bool flip = false;
  double angle = 0.0;  // radians
  double scale = 1.0;
  double shift_x = 0.0;  // -1 .. 1 of what is allowed
  double shift_y = 0.0;
  std::array<uint8_t, 3> background = {255, 255, 255};
  double brightness = 1.0;
  double contrast = 1.0;
  double saturation = 1.0;
};

View draw_view(const AugmentOptions& options, Random& random) {
  View view;
  view.flip = random.uniform() < options.flip_probability;
  view.angle = random.uniform(-options.max_rotation_degrees, options.max_rotation_degrees) *
               std::numbers::pi / 180.0;
  view.scale = random.uniform(options.min_scale, options.max_scale);
  view.shift_x = random.uniform(-1.0, 1.0);
  view.shift_y = random.uniform(-1.0, 1.0);
  for (uint8_t& channel : view.background) {
    const double value = random.uniform(options.min_background, options.max_background + 1.0);
    channel = static_cast<uint8_t>(std::clamp(static_cast<int>(value), 0, 255));
  }
  view.brightness = random.uniform(1.0 - options.brightness, 1.0 + options.brightness);
  view.contrast = random.uniform(1.0 - options.contrast, 1.0 + options.contrast);
  view.saturation = random.uniform(1.0 - options.saturation, 1.0 + options.saturation);
  return view;
}

/// Premultiplied, the longer side `longer` pixels, the shorter at least 1.
ImageRgba fit(const ImageRgba& image, double longer, ResizeOrder order) {
  if (image.width <= 0 || image.height <= 0 || !(longer >= 0.5 && longer < 1 << 15)) {
    fail(ErrorCode::kInvalidArgument,
         "placement: expected a picture and a side, found {} x {} to {}", image.width, image.height,
         longer);
  }
  const double factor = longer / std::max(image.width, image.height);
  const auto side = [&](int pixels) {
    return std::max(static_cast<int>(std::lround(pixels * factor)), 1);
  };
  return resize_premultiplied(premultiply(image), side(image.width), side(image.height),
                              Filter::kBicubic, order);
}

Image filled(int size, const std::array<uint8_t, 3>& colour) {
  Image image{size, size, {}};
  image.rgb.resize(static_cast<size_t>(size) * static_cast<size_t>(size) * 3);
  for (size_t i = 0; i < image.rgb.size(); ++i) image.rgb[i] = colour[i % 3];
  return image;
}

/// A premultiplied pixel over an opaque one.
void blend(const std::array<float, 4>& over, uint8_t* under) {
  for (size_t c = 0; c < 3; ++c) {
    const float value = over[c] + static_cast<float>(under[c]) * (255.0F - over[3]) / 255.0F;
    under[c] = static_cast<uint8_t>(std::clamp(value + 0.5F, 0.0F, 255.0F));
  }
}

/// The pixel around the point (x, y), where pixel centres are at whole numbers; transparent
/// outside.
std::array<float, 4> sample_bilinear(const ImageRgba& image, float x, float y) {
  std::array<float, 4> sum{};
  if (!(x > -1.0F && x < static_cast<float>(image.width) && y > -1.0F &&
        y < static_cast<float>(image.height))) {
    return sum;
  }
  const int left = static_cast<int>(x + 1.0F) - 1;  // floor, as x > -1
  const int top = static_cast<int>(y + 1.0F) - 1;
  const float right_share = x - static_cast<float>(left);
  const float bottom_share = y - static_cast<float>(top);
  const float weights[4] = {(1.0F - right_share) * (1.0F - bottom_share),
                            right_share * (1.0F - bottom_share),
                            (1.0F - right_share) * bottom_share, right_share * bottom_share};
  for (int i = 0; i < 4; ++i) {
    const int column = left + i % 2;
    const int row = top + i / 2;
    if (column < 0 || column >= image.width || row < 0 || row >= image.height) continue;
    const uint8_t* pixel =
        image.rgba.data() + (static_cast<size_t>(row) * static_cast<size_t>(image.width) +
                             static_cast<size_t>(column)) *
                                4;
    for (size_t c = 0; c < 4; ++c) sum[c] += weights[i] * static_cast<float>(pixel[c]);
  }
  return sum;
}

/// How far the picture's centre is from the frame's, in pixels: within the free margin, and past
/// the edge by the allowed overhang.
double shift_pixels(double drawn, double frame_side, double picture_side, double max_overhang) {
  const double margin = std::max((frame_side - picture_side) / 2.0, 0.0);
  return drawn * (margin + max_overhang * picture_side);
}

/// Draws the picture onto the frame, turned and shifted.
void draw_turned(const ImageRgba& picture, const View& view, double max_overhang, Image& frame) {
  const double size = frame.width;
  const double centre_x =
      size / 2.0 + shift_pixels(view.shift_x, size, picture.width, max_overhang);
  const double centre_y =
      size / 2.0 + shift_pixels(view.shift_y, size, picture.height, max_overhang);
  const double cosine = std::cos(view.angle), sine = std::sin(view.angle);
  uint8_t* out = frame.rgb.data();
  for (int y = 0; y < frame.height; ++y) {
    for (int x = 0; x < frame.width; ++x, out += 3) {
      const double dx = x + 0.5 - centre_x, dy = y + 0.5 - centre_y;
      double from_x = cosine * dx + sine * dy;
      const double from_y = -sine * dx + cosine * dy;
      if (view.flip) from_x = -from_x;
      const auto over =
          sample_bilinear(picture, static_cast<float>(from_x + picture.width / 2.0 - 0.5),
                          static_cast<float>(from_y + picture.height / 2.0 - 0.5));
      if (over[3] > 0.0F) blend(over, out);
    }
  }
}

/// ITU-R 601 luma.
float luma(const float* rgb) { return 0.299F * rgb[0] + 0.587F * rgb[1] + 0.114F * rgb[2]; }

/// Brightness scales, contrast scales about the mean luma, saturation about each pixel's own luma.
void change_colours(const View& view, Image& image) {
  double sum = 0.0;
  for (size_t i = 0; i + 2 < image.rgb.size(); i += 3) {
    const float rgb[3] = {static_cast<float>(image.rgb[i]), static_cast<float>(image.rgb[i + 1]),
                          static_cast<float>(image.rgb[i + 2])};
    sum += static_cast<double>(luma(rgb));
  }
  const auto brightness = static_cast<float>(view.brightness);
  const auto contrast = static_cast<float>(view.contrast);
  const auto saturation = static_cast<float>(view.saturation);
  const size_t num_pixels = image.rgb.size() / 3;
  const float mean = static_cast<float>(sum / static_cast<double>(num_pixels)) * brightness;
  for (size_t i = 0; i + 2 < image.rgb.size(); i += 3) {
    float rgb[3];
    for (size_t c = 0; c < 3; ++c) {
      const float value = static_cast<float>(image.rgb[i + c]) * brightness;
      rgb[c] = mean + (value - mean) * contrast;
    }
    const float grey = luma(rgb);
    for (size_t c = 0; c < 3; ++c) {
      const float value = grey + (rgb[c] - grey) * saturation;
      image.rgb[i + c] = static_cast<uint8_t>(std::clamp(value + 0.5F, 0.0F, 255.0F));
    }
  }
}

}  // namespace

Image place_on_background(const ImageRgba& image, const PlacementOptions& options) {
  const int size = options.frame_size;
  Image frame = filled(size, options.background);
  const ImageRgba picture = fit(image, std::min(options.fill, 1.0) * size, options.resize_order);
  const int left = (size - picture.width) / 2;
  const int top = (size - picture.height) / 2;
  const uint8_t* in = picture.rgba.data();
  for (int y = 0; y < picture.height; ++y) {
    uint8_t* out =
        frame.rgb.data() +
        (static_cast<size_t>(top + y) * static_cast<size_t>(size) + static_cast<size_t>(left)) * 3;
    for (int x = 0; x < picture.width; ++x, in += 4, out += 3) {
      blend({static_cast<float>(in[0]), static_cast<float>(in[1]), static_cast<float>(in[2]),
             static_cast<float>(in[3])},
            out);
    }
  }
  return frame;
}

Image augmented_view(const ImageRgba& image, const AugmentOptions& options, Random& random) {
  const View view = draw_view(options, random);
  const PlacementOptions& placement = options.placement;
  Image frame = filled(placement.frame_size, view.background);
  const ImageRgba picture =
      fit(image, placement.fill * placement.frame_size * view.scale, placement.resize_order);
  draw_turned(picture, view, options.max_overhang, frame);
  change_colours(view, frame);
  return frame;
}

}  // namespace blip2
