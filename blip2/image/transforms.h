// From a picture to the numbers that an image encoder reads: what Hugging Face's image processors
// do at evaluation, and torchvision's random resized crop for training. The demo's views are in
// augment.h.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "blip2/base/random.h"
#include "blip2/image/image.h"
#include "blip2/image/resize.h"

namespace blip2 {

/// What becomes of a picture's sides before the centre is cut out.
enum class ResizeMode {
  kNone,               ///< they stay
  kSquash,             ///< exactly `resized_width` x `resized_height`, whatever the shape
  kShorterSide,        ///< the shorter is `shorter_side`, the longer follows
  kWithinBox,          ///< the largest of its shape in `resized_width` x `resized_height`
  kPlaceOnBackground,  ///< whole, with its alpha, in the middle of a background (prepare.h)
};

/// The defaults are BLIP-2's.
struct ImageTransform {
  int image_size = 224;  ///< side of the square that the encoder reads, pixels
  ResizeMode resize_mode = ResizeMode::kSquash;
  int resized_width = 0;  ///< pixels; 0: image_size
  int resized_height = 0;
  int shorter_side = 224;  ///< pixels; for kShorterSide
  int longest_side = 0;    ///< pixels that the longer side is limited to; 0: none
  /// Whether the centre is cut out, with black where the picture is smaller than image_size.
  /// Otherwise a picture that does not become a square of image_size is refused.
  bool center_crop = true;
  double fill = 0.94;  ///< the longer side, share of image_size; for kPlaceOnBackground
  std::array<uint8_t, 3> background = {255, 255, 255};  ///< for kPlaceOnBackground
  Filter filter = Filter::kBicubic;
  ResizeOrder resize_order = ResizeOrder::kByShape;  ///< the user's choice, in no model directory
  double rescale = 1.0 / 255.0;                      ///< a byte times this, before mean and std
  std::array<double, 3> mean = {0.48145466, 0.4578275, 0.40821073};
  std::array<double, 3> std = {0.26862954, 0.26130258, 0.27577711};

  bool operator==(const ImageTransform&) const = default;
};

/// BLIP-2 (BlipImageProcessor): squash to 224, CLIP's mean and std.
ImageTransform blip2_transform();
/// EfficientNet-Lite0: the shorter side to 256, the centre 224, (byte - 127) / 128.
ImageTransform efficientnet_lite0_transform();

/// The transform for another image_size: the same share of each picture is seen.
ImageTransform with_image_size(const ImageTransform& transform, int64_t image_size);

/// Resized and cropped, not yet normalised: image_size x image_size.
/// Rounding is Hugging Face's: the longer side is floor(shorter_side * long / short), the crop
/// starts at floor((side - image_size) / 2). Throws kInvalidArgument for kPlaceOnBackground, and
/// for a picture that does not become that square.
Image resize_and_crop(const Image& image, const ImageTransform& transform);

/// [3, height, width]: (byte * rescale - mean) / std in float32, the steps rounded as Hugging Face
/// does.
std::vector<float> normalise(const Image& image, const ImageTransform& transform);

/// normalise(resize_and_crop(image)): [3, image_size, image_size].
std::vector<float> to_pixels(const Image& image, const ImageTransform& transform);

/// torchvision's RandomResizedCrop and RandomHorizontalFlip, with the numbers of
/// `blip2_image_train`.
struct RandomCropOptions {
  double min_area = 0.5;  ///< share of the picture
  double max_area = 1.0;
  double min_ratio = 3.0 / 4.0;  ///< width / height
  double max_ratio = 4.0 / 3.0;
  double flip_probability = 0.5;
  ResizeOrder resize_order = ResizeOrder::kByShape;
};

struct Box {
  int left = 0;
  int top = 0;
  int width = 0;
  int height = 0;
};

/// The box to crop: 10 tries, then the centre, clamped to the range of ratios.
Box random_crop_box(int width, int height, const RandomCropOptions& options, Random& random);

/// A random crop, resized to size x size (bicubic), perhaps flipped.
Image random_resized_crop(const Image& image, int size, const RandomCropOptions& options,
                          Random& random);

/// Left and right exchanged.
Image flip_horizontally(Image image);

}  // namespace blip2
