// The arithmetic of Hugging Face's image processors and of torchvision's random crop.
#include "blip2/image/transforms.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "blip2/base/error.h"

namespace blip2 {
namespace {

struct Sides {
  int64_t width;
  int64_t height;
};

/// The shorter side to `shorter_side`; the longer follows, up to longest_side.
Sides with_shorter_side(const Image& image, const ImageTransform& transform) {
  const int shorter = std::min(image.width, image.height);
  const int longer = std::max(image.width, image.height);
  const bool is_wide = image.width > image.height;
  int64_t side = transform.shorter_side;
  int64_t follows = side * longer / shorter;
  const double limit = transform.longest_side;
  if (limit > 0 && static_cast<double>(longer) / shorter * static_cast<double>(side) > limit) {
    const double exact = limit * shorter / longer;
    side = static_cast<int64_t>(std::nearbyint(exact));
    // A picture that has this shorter side already stays as it is.
    follows = side == shorter ? longer : static_cast<int64_t>(exact * longer / shorter);
  }
  return is_wide ? Sides{follows, side} : Sides{side, follows};
}

Sides resized_sides(const Image& image, const ImageTransform& transform) {
  const int width = transform.resized_width > 0 ? transform.resized_width : transform.image_size;
  const int height = transform.resized_height > 0 ? transform.resized_height : transform.image_size;
  switch (transform.resize_mode) {
    case ResizeMode::kNone:
      return {image.width, image.height};
    case ResizeMode::kSquash:
      return {width, height};
    case ResizeMode::kShorterSide:
      return with_shorter_side(image, transform);
    case ResizeMode::kWithinBox: {
      const double scale = std::min(static_cast<double>(height) / image.height,
                                    static_cast<double>(width) / image.width);
      return {static_cast<int64_t>(image.width * scale),
              static_cast<int64_t>(image.height * scale)};
    }
    case ResizeMode::kPlaceOnBackground:
      break;
  }
  fail(ErrorCode::kInvalidArgument,
       "image transform: a picture is placed on a background with its alpha, by prepare_image");
}

void check_sides(const Image& image, const Sides& sides, const ImageTransform& transform) {
  const int size = transform.image_size;
  if (sides.width < 1 || sides.height < 1) {
    fail(ErrorCode::kInvalidArgument,
         "image transform: expected a picture, found nothing left of {} x {} pixels", image.width,
         image.height);
  }
  if (transform.center_crop || (sides.width == size && sides.height == size)) return;
  fail(ErrorCode::kInvalidArgument,
       "image transform: expected {} x {} pixels, found {} x {}: the model's transform keeps the "
       "shape of a picture and crops nothing (do_center_crop)",
       size, size, sides.width, sides.height);
}

/// Where the centre of `size` pixels starts; below 0 where the side is shorter.
int64_t centre_start(int64_t side, int64_t size) {
  const int64_t difference = side - size;
  return difference >= 0 ? difference / 2 : -((1 - difference) / 2);
}

/// `part` at (left, top) of a black square.
Image on_black(const Image& part, int size, int left, int top) {
  const size_t side_bytes = static_cast<size_t>(size) * 3;
  Image square{size, size, std::vector<uint8_t>(side_bytes * static_cast<size_t>(size))};
  const size_t row_bytes = static_cast<size_t>(part.width) * 3;
  const uint8_t* in = part.rgb.data();
  uint8_t* out =
      square.rgb.data() + static_cast<size_t>(top) * side_bytes + static_cast<size_t>(left) * 3;
  for (int y = 0; y < part.height; ++y, in += row_bytes, out += side_bytes) {
    std::copy_n(in, row_bytes, out);
  }
  return square;
}

}  // namespace

ImageTransform blip2_transform() { return {}; }

ImageTransform efficientnet_lite0_transform() {
  ImageTransform transform;
  transform.resize_mode = ResizeMode::kShorterSide;
  transform.shorter_side = 256;
  transform.rescale = 1.0;
  transform.mean = {127.0, 127.0, 127.0};
  transform.std = {128.0, 128.0, 128.0};
  return transform;
}

ImageTransform with_image_size(const ImageTransform& transform, int64_t image_size) {
  const auto scaled = [&](int side) {
    return static_cast<int>(side * image_size / std::max(transform.image_size, 1));
  };
  ImageTransform result = transform;
  result.image_size = static_cast<int>(image_size);
  for (int ImageTransform::* side :
       {&ImageTransform::resized_width, &ImageTransform::resized_height,
        &ImageTransform::shorter_side, &ImageTransform::longest_side}) {
    result.*side = scaled(transform.*side);
  }
  return result;
}

Image resize_and_crop(const Image& image, const ImageTransform& transform) {
  if (image.width <= 0 || image.height <= 0 || transform.image_size <= 0) {
    fail(ErrorCode::kInvalidArgument,
         "image transform: expected a picture and a size, found {} x {} to {}", image.width,
         image.height, transform.image_size);
  }
  const int size = transform.image_size;
  const Sides sides = resized_sides(image, transform);
  check_sides(image, sides, transform);
  const int64_t left = centre_start(sides.width, size), top = centre_start(sides.height, size);
  ResizeWindow window{sides.width, sides.height, std::max<int64_t>(left, 0),
                      std::max<int64_t>(top, 0)};
  window.width = static_cast<int>(std::min<int64_t>(size, sides.width));
  window.height = static_cast<int>(std::min<int64_t>(size, sides.height));
  Image centre = resize_window(image, window, transform.filter, transform.resize_order);
  if (centre.width == size && centre.height == size) return centre;
  return on_black(centre, size, static_cast<int>(std::max<int64_t>(-left, 0)),
                  static_cast<int>(std::max<int64_t>(-top, 0)));
}

std::vector<float> normalise(const Image& image, const ImageTransform& transform) {
  const size_t plane = image.rgb.size() / 3;
  std::vector<float> pixels(3 * plane);
  for (size_t c = 0; c < 3; ++c) {
    std::array<float, 256> value_of;
    for (size_t byte = 0; byte < value_of.size(); ++byte) {
      const auto scaled = static_cast<float>(static_cast<double>(byte) * transform.rescale);
      value_of[byte] =
          (scaled - static_cast<float>(transform.mean[c])) / static_cast<float>(transform.std[c]);
    }
    float* out = pixels.data() + c * plane;
    const uint8_t* in = image.rgb.data() + c;
    for (size_t i = 0; i < plane; ++i) out[i] = value_of[in[3 * i]];
  }
  return pixels;
}

std::vector<float> to_pixels(const Image& image, const ImageTransform& transform) {
  return normalise(resize_and_crop(image, transform), transform);
}

Box random_crop_box(int width, int height, const RandomCropOptions& options, Random& random) {
  constexpr int kTries = 10;
  const double area = static_cast<double>(width) * height;
  for (int i = 0; i < kTries; ++i) {
    const double target = area * random.uniform(options.min_area, options.max_area);
    const double ratio =
        std::exp(random.uniform(std::log(options.min_ratio), std::log(options.max_ratio)));
    const double exact_width = std::nearbyint(std::sqrt(target * ratio));
    const double exact_height = std::nearbyint(std::sqrt(target / ratio));
    if (exact_width < 1 || exact_width > width || exact_height < 1 || exact_height > height)
      continue;
    Box box{0, 0, static_cast<int>(exact_width), static_cast<int>(exact_height)};
    box.top = static_cast<int>(random.below(static_cast<uint64_t>(height - box.height) + 1));
    box.left = static_cast<int>(random.below(static_cast<uint64_t>(width - box.width) + 1));
    return box;
  }
  Box box{0, 0, width, height};
  const double ratio = static_cast<double>(width) / height;
  if (ratio < options.min_ratio) {
    box.height = std::clamp(static_cast<int>(std::nearbyint(width / options.min_ratio)), 1, height);
  } else if (ratio > options.max_ratio) {
    box.width = std::clamp(static_cast<int>(std::nearbyint(height * options.max_ratio)), 1, width);
  }
  box.left = (width - box.width) / 2;
  box.top = (height - box.height) / 2;
  return box;
}

Image random_resized_crop(const Image& image, int size, const RandomCropOptions& options,
                          Random& random) {
  const Box box = random_crop_box(image.width, image.height, options, random);
  const bool flip = random.uniform() < options.flip_probability;
  // Cropped first, as torchvision does: the filter must not see past the crop's edge.
  Image out = resize(crop(image, box.left, box.top, box.width, box.height), size, size,
                     Filter::kBicubic, options.resize_order);
  return flip ? flip_horizontally(std::move(out)) : out;
}

Image flip_horizontally(Image image) {
  const auto width = static_cast<size_t>(image.width);
  for (size_t y = 0; y < static_cast<size_t>(image.height); ++y) {
    uint8_t* row = image.rgb.data() + y * width * 3;
    for (size_t left = 0, right = width; left + 1 < right; ++left) {
      --right;
      std::swap_ranges(row + 3 * left, row + 3 * left + 3, row + 3 * right);
    }
  }
  return image;
}

}  // namespace blip2
