// Picture to pixels: decode, augment, resize, normalise.
#include "blip2/image/prepare.h"

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"
#include "blip2/image/augment.h"
#include "blip2/image/rand_augment.h"

namespace blip2 {
namespace {

PlacementOptions placement_of(const ImageTransform& transform) {
  return {transform.image_size, transform.fill, transform.background, transform.resize_order};
}

Image random_crop(const Image& image, const ImageTransform& transform, Random& random) {
  RandomCropOptions options;
  options.resize_order = transform.resize_order;
  return random_resized_crop(image, transform.image_size, options, random);
}

Image without_alpha(const ImageRgba& picture) {
  Image image{picture.width, picture.height, {}};
  image.rgb.resize(picture.rgba.size() / 4 * 3);
  for (size_t from = 0, to = 0; from < picture.rgba.size(); from += 4, to += 3) {
    std::copy_n(picture.rgba.data() + from, 3, image.rgb.data() + to);
  }
  return image;
}

}  // namespace

Augmentation parse_augmentation(std::string_view name) {
  if (name == "none") return Augmentation::kNone;
  if (name == "random_resized_crop_flip") return Augmentation::kRandomResizedCropFlip;
  if (name == "random_resized_crop_flip_randaugment") return Augmentation::kRandAugment;
  if (name == "cutout") return Augmentation::kCutout;
  fail(ErrorCode::kInvalidArgument,
       "augment: expected none, random_resized_crop_flip, random_resized_crop_flip_randaugment or "
       "cutout, found {}",
       quote(name));
}

Image prepare_image(std::span<const std::byte> bytes, const std::string& name,
                    const ImageTransform& transform, const DecodeOptions& options) {
  if (transform.resize_mode == ResizeMode::kPlaceOnBackground) {
    return place_on_background(decode_rgba(bytes, name, options), placement_of(transform));
  }
  return resize_and_crop(decode(bytes, name, options), transform);
}

std::vector<float> prepare_pixels(std::span<const std::byte> bytes, const std::string& name,
                                  const ImageTransform& transform, const DecodeOptions& options) {
  return normalise(prepare_image(bytes, name, transform, options), transform);
}

std::vector<float> prepare_pixels(const ImageRgba& picture, const ImageTransform& transform) {
  if (transform.resize_mode == ResizeMode::kPlaceOnBackground) {
    return normalise(place_on_background(picture, placement_of(transform)), transform);
  }
  return to_pixels(without_alpha(picture), transform);
}

std::vector<float> prepare_view(std::span<const std::byte> bytes, const std::string& name,
                                const ImageTransform& transform, const ViewOptions& view,
                                Random& random) {
  const DecodeOptions& options = view.decode;
  switch (view.augmentation) {
    case Augmentation::kNone:
      return prepare_pixels(bytes, name, transform, options);
    case Augmentation::kRandomResizedCropFlip:
      return normalise(random_crop(decode(bytes, name, options), transform, random), transform);
    case Augmentation::kRandAugment:
      return normalise(
          rand_augment(random_crop(decode(bytes, name, options), transform, random), random),
          transform);
    case Augmentation::kCutout: {
      AugmentOptions cutout;
      cutout.placement = placement_of(transform);
      return normalise(augmented_view(decode_rgba(bytes, name, options), cutout, random),
                       transform);
    }
  }
  fail(ErrorCode::kInternal, "unknown augmentation");
}

}  // namespace blip2
