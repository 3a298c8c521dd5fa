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

ResizeWindow window_of(const Image& image, const ImageTransform& transform) {
  const int size = transform.image_size;
  if (transform.resize_mode == ResizeMode::kSquash) return {size, size, 0, 0, size, size};
  if (transform.resize_mode == ResizeMode::kPlaceOnBackground) {
    fail(ErrorCode::kInvalidArgument,
         "image transform: a picture is placed on a background with its alpha, by prepare_image");
  }
  BLIP2_CHECK(transform.resize_mode == ResizeMode::kShorterSideThenCrop);
  if (transform.shorter_side < size) {
    fail(ErrorCode::kInvalidArgument,
         "image transform: expected shorter_side >= image_size, found {} < {}",
         transform.shorter_side, size);
  }
  const int shorter = std::min(image.width, image.height);
  const int64_t longer = std::max(image.width, image.height);
  const int64_t resized = int64_t{transform.shorter_side} * longer / std::max(shorter, 1);
  ResizeWindow window{transform.shorter_side, transform.shorter_side, 0, 0, size, size};
  (image.width <= image.height ? window.full_height : window.full_width) = resized;
  window.left = (window.full_width - size) / 2;
  window.top = (window.full_height - size) / 2;
  return window;
}

}  // namespace

ImageTransform blip2_transform() { return {}; }

ImageTransform efficientnet_lite0_transform() {
  ImageTransform transform;
  transform.resize_mode = ResizeMode::kShorterSideThenCrop;
  transform.shorter_side = 256;
  transform.rescale = 1.0;
  transform.mean = {127.0, 127.0, 127.0};
  transform.std = {128.0, 128.0, 128.0};
  return transform;
}

Image resize_and_crop(const Image& image, const ImageTransform& transform) {
  if (image.width <= 0 || image.height <= 0 || transform.image_size <= 0) {
    fail(ErrorCode::kInvalidArgument,
         "image transform: expected a picture and a size, found {} x {} to {}", image.width,
         image.height, transform.image_size);
  }
  return resize_window(image, window_of(image, transform), transform.filter);
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
  Image out = resize(crop(image, box.left, box.top, box.width, box.height), size, size);
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
